"""What can be wrong with an image, an option or a network.

EngineError
├── ImageError
│   ├── NotAnImage            415 not_an_image
│   ├── UnsupportedFormat     415 unsupported_format
│   ├── TooManyBytes          413 too_many_bytes
│   ├── TooManyPixels         422 too_many_pixels
│   ├── BadDimensions         422 image_dimensions
│   ├── DecompressionBomb     422 decompression_bomb
│   ├── ImageTruncated        422 image_truncated
│   ├── ImageCorrupt          422 image_corrupt
│   └── NoForeground          422 no_foreground
├── InvalidOption             400 invalid_option
│   ├── RoiExceedsBounds      400 roi_exceeds_bounds
│   └── RoiRegionEmpty        400 roi_region_empty
└── ModelError
    ├── UnknownModel          400 unknown_model
    ├── ModelNotInstalled     409 model_not_installed
    ├── ModelCorrupt          503 model_corrupt
    ├── ModelDownloadFailed   503 model_download_failed
    └── ProviderUnavailable   503 provider_unavailable
"""

from config.errors import MatteryError


class EngineError(MatteryError):
    pass


class ImageError(EngineError):
    pass


class NotAnImage(ImageError):
    code, status, title = "not_an_image", 415, "These bytes are not an image"


class UnsupportedFormat(ImageError):
    code, status, title = "unsupported_format", 415, "This image format is not supported"


class TooManyBytes(ImageError):
    code, status, title = "too_many_bytes", 413, "The file is too large"


class TooManyPixels(ImageError):
    code, status, title = "too_many_pixels", 422, "The image has too many pixels"


class BadDimensions(ImageError):
    code, status, title = "image_dimensions", 422, "The image is too long or too thin"


class DecompressionBomb(ImageError):
    code, status, title = (
        "decompression_bomb",
        422,
        "The image would unpack to far more than its file holds",
    )


class ImageTruncated(ImageError):
    code, status, title = "image_truncated", 422, "The image ends too early"


class ImageCorrupt(ImageError):
    code, status, title = "image_corrupt", 422, "The image is damaged"


class NoForeground(ImageError):
    code, status, title = "no_foreground", 422, "No foreground was found"
    usual_detail = "Nothing in the image stands out as its foreground. Another model may see one."


class InvalidOption(EngineError):
    code, status, title = "invalid_option", 400, "An option is not valid"


class RoiExceedsBounds(InvalidOption):
    code, title = "roi_exceeds_bounds", "The region of interest is not within the image"


class RoiRegionEmpty(InvalidOption):
    code, title = "roi_region_empty", "The region of interest is empty"


class ModelError(EngineError):
    pass


class UnknownModel(ModelError):
    code, status, title = "unknown_model", 400, "There is no such model"


class ModelNotInstalled(ModelError):
    code, status, title = "model_not_installed", 409, "The model is not installed here"


class ModelCorrupt(ModelError):
    code, status, title = "model_corrupt", 503, "The model's weights are damaged"


class ModelDownloadFailed(ModelError):
    code, status, title = "model_download_failed", 503, "The model could not be fetched"
    is_retryable = True


class ProviderUnavailable(ModelError):
    code, status, title = "provider_unavailable", 503, "The demanded accelerator is not available"
