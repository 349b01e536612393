"""Makes the pass over frozen layers on many workers, by engines that others wrote."""

from transferlearn.engines.ray_data import Ray as Ray
