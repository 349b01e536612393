"""Defines the task image to image: a picture for each picture."""

from transferlearn.tasks.image_to_image.encoding import ImageToImage as ImageToImage
from transferlearn.tasks.image_to_image.encoding import PictureEncoding as PictureEncoding
from transferlearn.tasks.image_to_image.figures import PictureEvaluation as PictureEvaluation
from transferlearn.tasks.image_to_image.metrics import PSNR as PSNR
from transferlearn.tasks.image_to_image.metrics import SSIM as SSIM
from transferlearn.tasks.image_to_image.perceptual import Perceptual as Perceptual
from transferlearn.tasks.image_to_image.perceptual import PerceptualLoss as PerceptualLoss
