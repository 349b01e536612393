"""What a user writes; `tests/test_types.py` runs mypy on it, from another folder."""

from pathlib import Path
from typing import reveal_type

import transferlearn as tl

builder = tl.ImageClassifierBuilder("EfficientNetLite0", freeze="all", seed=0)
fitted = builder.fit("photos", epochs=10)
name: str = fitted.predict("photo.jpg").class_name
names: list[str] = [prediction.class_name for prediction in fitted.predict(["a.jpg", "b.jpg"])]
also: list[str] = [p.class_name for p in fitted.predict([Path("a.jpg")])]
prices = tl.ImageRegressorBuilder("EfficientNetLite0", target_names="price").fit("houses.csv")
price: float = prices.predict("house.jpg").value
reveal_type(fitted)
reveal_type(prices.predict("house.jpg"))
reveal_type(fitted.predict(["a.jpg"]))
reveal_type(fitted.evaluate("photos").accuracy)
builder.fit("photos", epoch=10)
