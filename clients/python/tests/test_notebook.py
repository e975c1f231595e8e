"""A wait in a real notebook kernel."""

from __future__ import annotations

from typing import Any

from cluster import PATIENCE_S, Cluster, longer
from jupyter_client.manager import start_new_kernel


def test_a_wait_updates_one_output(cluster: Cluster) -> None:
    outputs: list[dict[str, Any]] = []
    manager, kernel = start_new_kernel(startup_timeout=PATIENCE_S)
    try:
        script = (
            f"import foldwise; study = foldwise.connect('{cluster.address}').submit('''{longer('noted')}''')\n"
            "study.wait()"
        )
        reply = kernel.execute_interactive(script, timeout=PATIENCE_S, output_hook=outputs.append)
        assert reply["content"]["status"] == "ok", reply
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
    kinds = [output["msg_type"] for output in outputs]
    assert kinds.count("display_data") == 1
    assert "stream" not in kinds, "nothing is written beside the output"
    updates = [
        output["content"]["data"]["text/plain"] for output in outputs if output["msg_type"] == "update_display_data"
    ]
    assert len(updates) > 2
    assert "18/18 runs  succeeded" in updates[-1]
    (result,) = (output for output in outputs if output["msg_type"] == "execute_result")
    assert result["content"]["data"]["text/html"].startswith("<table>")
