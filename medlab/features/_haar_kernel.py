"""The loops of haar.py. Numbers of the types as in `haar.HAAR_TYPES`; `table` has a row and a column of 0 in front."""

from medlab.kernels import jit


@jit
def _box(table, y0, x0, y1, x1):
    """Sum of a box. The order of the terms decides the last bit of floats: it is that of scikit-image."""
    return table[y1, x1] + table[y0, x0] - table[y0, x1] - table[y1, x0]


@jit
def _two_x(table, y, x, h, w):
    return _box(table, y, x + w, y + h, x + 2 * w) - _box(table, y, x, y + h, x + w)


@jit
def _two_y(table, y, x, h, w):
    return _box(table, y + h, x, y + 2 * h, x + w) - _box(table, y, x, y + h, x + w)


@jit
def _three_x(table, y, x, h, w):
    outer = _box(table, y, x, y + h, x + w) + _box(table, y, x + 2 * w, y + h, x + 3 * w)
    return _box(table, y, x + w, y + h, x + 2 * w) - outer


@jit
def _three_y(table, y, x, h, w):
    outer = _box(table, y, x, y + h, x + w) + _box(table, y + 2 * h, x, y + 3 * h, x + w)
    return _box(table, y + h, x, y + 2 * h, x + w) - outer


@jit
def _four(table, y, x, h, w):
    falling = _box(table, y, x, y + h, x + w) + _box(table, y + h, x + w, y + 2 * h, x + 2 * w)
    rising = _box(table, y, x + w, y + h, x + 2 * w) + _box(table, y + h, x, y + 2 * h, x + w)
    return rising - falling


@jit
def all_features(tables, kinds, rows, columns, out):
    """Every feature of some types, in the order of scikit-image: type, y, x, height, width."""
    n, height, width = tables.shape[0], tables.shape[1] - 1, tables.shape[2] - 1
    for i in range(n):
        table, features = tables[i], out[i]
        k = 0
        for kind in kinds:
            for y in range(height):
                for x in range(width):
                    widths = (width - x) // columns[kind]
                    for h in range(1, (height - y) // rows[kind] + 1):
                        # the type is asked for out here: the inner loops stay free of branches
                        if kind == 0:
                            for w in range(1, widths + 1):
                                features[k + w - 1] = _two_x(table, y, x, h, w)
                        elif kind == 1:
                            for w in range(1, widths + 1):
                                features[k + w - 1] = _two_y(table, y, x, h, w)
                        elif kind == 2:
                            for w in range(1, widths + 1):
                                features[k + w - 1] = _three_x(table, y, x, h, w)
                        elif kind == 3:
                            for w in range(1, widths + 1):
                                features[k + w - 1] = _three_y(table, y, x, h, w)
                        else:
                            for w in range(1, widths + 1):
                                features[k + w - 1] = _four(table, y, x, h, w)
                        k += widths


@jit
def some_features(tables, kinds, places, out):
    """Chosen features: their types, and places (F, 4) of y, x, height, width."""
    for i in range(tables.shape[0]):
        table = tables[i]
        for f in range(kinds.size):
            y, x, h, w = places[f, 0], places[f, 1], places[f, 2], places[f, 3]
            if kinds[f] == 0:
                out[i, f] = _two_x(table, y, x, h, w)
            elif kinds[f] == 1:
                out[i, f] = _two_y(table, y, x, h, w)
            elif kinds[f] == 2:
                out[i, f] = _three_x(table, y, x, h, w)
            elif kinds[f] == 3:
                out[i, f] = _three_y(table, y, x, h, w)
            else:
                out[i, f] = _four(table, y, x, h, w)
