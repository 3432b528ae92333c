"""Scenes held in memory: pixels as an array, cells as squares of pixels, for a notebook and for trying things out.

Room `detection`, pure. Opens no file and knows no coordinates; scenes of the service are opened by `imagery`. May import
`imagery` and `rcf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from monitor.detection.rcf import Bool, Float32, Int32
from monitor.imagery.strips import Strip

STRIP_ROWS = 512


class ArrayScene:
    """A scene whose pixels are an array, north up; whatever takes an open scene takes it.

    Parameters
    ----------
    pixels : array (C, H, W)
        Physical units (reflectance, or dB); kept as float32. Where a band is masked or not finite the pixel is not valid.
    bands : sequence of str
        Common names of the C bands, such as "red" and "nir", each once.
    cell_pixels : int
        Pixels along a side of a cell; 111 are 0.01 degree at 10 m. Cells at the south and east may be cut off.
    corner : tuple of int
        Row and column, at L0, of the cell in the north-west. Rows count northwards.
    valid : bool array (H, W), or 1 and 0, optional
        False where a pixel must not be used, such as under cloud.

    Attributes
    ----------
    rows, cols : int32 (n,)
        Cells of the scene.

    Raises
    ------
    ValueError
        For shapes that do not fit each other, pixels that are no real numbers, a mask that is none, a band that is named
        twice, or cells that are no whole number of pixels wide.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.random.default_rng(0).random((2, 40, 60))
    >>> scene = ArrayScene(pixels, ("red", "nir"), cell_pixels=20, corner=(9001, 20000))
    >>> scene.rows.tolist(), scene.cols.tolist()
    ([9001, 9001, 9001, 9000, 9000, 9000], [20000, 20001, 20002, 20000, 20001, 20002])
    """

    def __init__(
        self,
        pixels: npt.ArrayLike,
        bands: Sequence[str],
        cell_pixels: int,
        corner: tuple[int, int] = (9000, 18000),
        valid: npt.ArrayLike | None = None,
    ) -> None:
        if np.asarray(pixels).dtype.kind not in "buif":
            raise ValueError("pixels must be real numbers; of complex radar give the backscatter in dB.")
        self._pixels = np.array(pixels, np.float32)
        if self._pixels.ndim != 3 or len(self._pixels) != len(bands) or not self._pixels.size:
            raise ValueError("pixels must be (bands, rows, columns), with a name for each band.")
        if len(set(bands)) < len(bands):
            raise ValueError("bands must name each band once; give two pictures of a band as two scenes.")
        masked = np.ma.getmaskarray(np.ma.asarray(pixels))
        self._valid: Bool = np.asarray((np.isfinite(self._pixels) & ~masked).all(axis=0), np.bool_)
        self.height, self._width = self._valid.shape
        if valid is not None:
            told = np.asarray(valid)
            if told.shape != self._valid.shape:
                raise ValueError("valid must have the rows and columns of pixels.")
            if told.dtype != np.bool_ and not np.isin(told, (0, 1)).all():
                raise ValueError(
                    "valid must be True or False for each pixel, or 1 and 0; decode a band of clouds or classes first."
                )
            self._valid &= told.astype(np.bool_)
        if cell_pixels < 1 or cell_pixels != int(cell_pixels):
            raise ValueError("A cell is a whole number of pixels wide, at least one.")
        self._pixels[:, ~self._valid] = 0
        self._cell_pixels = cell_pixels
        self.bands = tuple(bands)
        down, self._across = (-(-size // cell_pixels) for size in self._valid.shape)
        number = np.arange(down * self._across)
        self.rows: Int32 = (corner[0] - number // self._across).astype(np.int32)
        self.cols: Int32 = (corner[1] + number % self._across).astype(np.int32)
        self.full_pixels: Float32 = np.full(len(number), cell_pixels**2, np.float32)

    def strips(self, halo: int = 0) -> Iterator[Strip]:
        """Strips from north to south; each but the first repeats the last `halo` rows of the one before."""
        cols = np.arange(self._width) // self._cell_pixels
        for row in range(0, self.height, STRIP_ROWS):
            kept = min(halo, row)
            part = slice(row - kept, min(row + STRIP_ROWS, self.height))
            down = np.arange(part.start, part.stop) // self._cell_pixels
            labels = (down[:, None] * self._across + cols).astype(np.int32)
            yield Strip(np.ascontiguousarray(self._pixels[:, part]), self._valid[part], labels, kept)

    def parts(self, row_from: int, row_to: int, across: int) -> npt.NDArray[np.int16]:
        """int16 (row_to - row_from, width): which of the across * across parts of its cell each pixel lies in, counted
        northwards, then eastwards."""
        from_north = np.arange(row_from, row_to) % self._cell_pixels * across // self._cell_pixels
        from_west = np.arange(self._width) % self._cell_pixels * across // self._cell_pixels
        return ((across - 1 - from_north[:, None]) * across + from_west).astype(np.int16)
