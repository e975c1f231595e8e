"""Writes augment.json: what torchvision makes of pictures, and how its random changes are spread, for the trainer's tests.

Run it with `python3 augment.py` where torch 2.11 and torchvision 0.26 are installed. Pictures are turned by known angles. Of
changes that are drawn there are counts (shifts) and means and deviations (erased rectangles) of many draws.
"""

import json
from collections import Counter
from pathlib import Path

import torch
from torchvision.transforms import InterpolationMode, RandomAffine, RandomErasing
from torchvision.transforms.functional import rotate

DRAWS = 40_000
ANGLES = [0.0, 10.0, -33.0, 45.5, 90.0, 127.25, 180.0]


def turned():
    for shape in [(2, 8, 8), (1, 7, 9), (3, 6, 5)]:
        picture = torch.rand(shape)
        for interpolation in ["nearest", "bilinear"]:
            # A quarter turn of sides of unlike parity puts places between pixels, where nearest is a toss.
            angles = [angle for angle in ANGLES if (shape[1] - shape[2]) % 2 == 0 or angle != 90.0]
            results = [rotate(picture, angle, InterpolationMode(interpolation)).flatten().tolist() for angle in angles]
            told = {"shape": shape, "picture": picture.flatten().tolist(), "interpolation": interpolation}
            yield {**told, "angles": angles, "turned": results}


def shifted():
    for height, width, down, right in [(8, 8, 0.25, 0.125), (9, 12, 0.1, 0.3)]:
        draws = [RandomAffine.get_params((0, 0), (right, down), None, None, [width, height])[1] for _ in range(DRAWS)]
        counts = [sorted(Counter(move[axis] for move in draws).items()) for axis in (1, 0)]
        yield {"sides": [height, width], "shares": [down, right], "down": counts[0], "right": counts[1]}


def erased():
    for height, width, area, aspect in [(20, 16, [0.02, 0.33], [0.3, 3.3]), (9, 24, [0.1, 0.5], [1.0, 4.0])]:
        picture = torch.zeros(1, height, width)
        draws = [RandomErasing.get_params(picture, area, aspect, [1.0])[:4] for _ in range(DRAWS)]
        # Top, left, height and width; a rectangle that never fitted is the whole picture there, and none here.
        rectangles = torch.tensor([draw for draw in draws if draw[2:] != (height, width)], dtype=torch.float64)
        told = {"sides": [height, width], "area": area, "aspect": aspect, "share": len(rectangles) / DRAWS}
        yield {**told, "means": rectangles.mean(0).tolist(), "deviations": rectangles.std(0).tolist()}


def main():
    torch.manual_seed(1)
    golden = {"draws": DRAWS, "turned": list(turned()), "shifted": list(shifted()), "erased": list(erased())}
    Path(__file__).with_name("augment.json").write_text(json.dumps(golden) + "\n")


main()
