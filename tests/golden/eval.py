#!/usr/bin/env python3
"""Expected k-NN and linear-probe results on fixed features, by scikit-learn in float64.  usage: eval.py > eval.json
Features are a formula, so the test makes the same ones: x[i][d] = class direction + sin(...) "noise".
Made with scikit-learn 1.9.1."""
import json
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

CLASSES, DIM = 8, 12


def features(rows, phase):
    i, d = np.arange(rows)[:, None], np.arange(DIM)[None, :]
    label = (np.arange(rows) * 7 + 3) % CLASSES
    centre = np.cos(1.9 * label[:, None] + 0.8 * d)
    noise = np.sin(phase + 12.9898 * i + 78.233 * d + 0.37 * i * d) + np.sin(0.5 * phase + 3.11 * i * i + 1.7 * d)
    return (centre + 1.1 * noise).astype(np.float32).astype(np.float64), label


def top5(votes, label):
    # rank of the own class; of equal votes the smaller class stands first
    own = votes[np.arange(len(label)), label][:, None]
    before = ((votes > own) | ((votes == own) & (np.arange(votes.shape[1])[None] < label[:, None]))).sum(1)
    return float((before < 5).mean())


def main():
    (x, y), (v, w) = features(600, 0.3), features(150, 4.1)
    unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)
    knn = []
    for k in (1, 5, 20, 200):
        for t in (0.07, 0.5):
            weigh = lambda distance: np.exp((1 - distance) / t)
            m = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=weigh).fit(unit(x), y)
            p = m.predict_proba(unit(v))
            knn.append({"k": k, "temperature": t, "top1": float((p.argmax(1) == w).mean()), "top5": top5(p, w)})
    scale = StandardScaler().fit(x)
    m = LogisticRegression(C=1e6, max_iter=5000, tol=1e-10).fit(scale.transform(x), y)
    print(json.dumps({"knn": knn, "logistic_top1": float((m.predict(scale.transform(v)) == w).mean()),
                      "x_0_0": x[0, 0], "x_599_11": x[599, 11]}, indent=1))


main()
