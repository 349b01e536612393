"""Names the columns of the rows that boxes become."""

COUNT = 7  # x0, y0, x1, y1, class, area, crowd
CLASS, AREA, CROWD = 4, 5, 6
