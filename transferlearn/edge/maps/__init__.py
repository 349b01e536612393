"""Makes predictions of networks that answer for each pixel: tiles, masks, colours, COCO's form."""
