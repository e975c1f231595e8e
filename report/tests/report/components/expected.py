"""Makes expected.json: weights, and what NumPy and scikit-learn make of them.

    pip install numpy scikit-learn
    python expected.py > expected.json
"""

import json

import numpy as np
from sklearn.decomposition import PCA

rng = np.random.default_rng(7)
# Three runs with four copies each that drift away from a common start, 20 weights.
steps = rng.normal(size=(3, 4, 20)) * np.array([1.0, 0.8, 0.6, 0.4])[None, :, None]
weights = (rng.normal(size=20) + steps.cumsum(axis=1)).reshape(12, 20).astype(np.float32)

pca = PCA(n_components=2, svd_solver="full")
scores = pca.fit_transform(weights.astype(np.float64))
# Signs are free; here the entry of largest magnitude is positive.
largest = np.abs(scores).argmax(axis=0)
scores *= np.sign(scores[largest, [0, 1]])

# The same by the covariance matrix, so that two ways agree before a third is compared with them.
centred = weights.astype(np.float64) - weights.astype(np.float64).mean(axis=0)
values = np.sort(np.linalg.eigvalsh(centred.T @ centred))[::-1]
assert np.allclose(values[:2] / values.sum(), pca.explained_variance_ratio_)

print(json.dumps({
    "weights": weights.astype(float).tolist(),
    "scores": scores.tolist(),
    "explained": pca.explained_variance_ratio_.tolist(),
    "norms": np.linalg.norm(weights.astype(np.float64), axis=1).tolist(),
}))
