"""The peer's side of features: torchgeo's RCF as torch computes it, in a process and an environment of its own.

Run by the Python of var/peers, which holds torch and numpy and nothing of the project. Reads a file of pixels and weights,
writes its answer beside it, and then computes the same once for each line on its input, until the input ends; it tells
how much processor time that took, in milliseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found]


def main(question: Path, answer: Path) -> None:
    """Answer once, then once for each line."""
    torch.set_num_threads(1)
    held = np.load(question)
    pixels, weights = torch.from_numpy(held["pixels"])[None], torch.from_numpy(held["weights"])
    bias = torch.full((len(weights),), float(held["bias"]))

    def extract() -> torch.Tensor:
        # as torchgeo.models.RCF: both signs of the answers, pooled over the picture
        found = torch.nn.functional.conv2d(pixels, weights, bias)
        both = torch.cat([torch.relu(found), torch.relu(-found)], dim=1)
        return torch.nn.functional.adaptive_avg_pool2d(both, (1, 1)).squeeze()

    with torch.inference_mode():
        np.save(answer, extract().numpy())
        print(torch.__version__, flush=True)
        for _ in sys.stdin:
            began = time.process_time()
            extract()
            print((time.process_time() - began) * 1000, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
