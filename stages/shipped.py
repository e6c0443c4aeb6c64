"""Names in params.yaml: those that its lists take as shipped, and those that its keys had in former versions."""

# of lists that name what other sections make; of them, whatever is made is taken
RANKED = ["grad_cam", "gradient", "integrated_gradients", "smoothgrad", "guided_backprop", "lrp", "rise"]
RANKED += ["random", "sobel"]
SCORED = ["grad_cam", "gradient", "input_x_gradient", "integrated_gradients", "smoothgrad", "guided_backprop", "lrp"]
SCORED += ["rise", "xrai", "lime", "kernel_shap", "random", "sobel"]
KINDS = ["nas_clusters.first", "nas_components.first", "nas_clusters.image", "nas_components.image"]
KINDS += ["nas_clusters.tuned", "slic.first", "felzenszwalb.first", "slic.image", "felzenszwalb.image"]
KINDS += ["slic_few.first", "felzenszwalb_few.first", "dff.first", "moved_clusters.first", "moved_components.first"]
ORDERS = ["pixels", "tiles", "slic.first", "felzenszwalb.first", "nas_clusters.first", "nas_components.first"]
PLOTTED = ["grad_cam", "smoothgrad", "integrated_gradients", "rise"]
PICTURED = ["grad_cam", "smoothgrad", "integrated_gradients", "lrp", "rise"]
CURVES = [*PLOTTED[:3], "lrp", "rise", "random", "sobel"]
AVERAGED = ["nas_clusters.first", "nas_components.first"]
INSIDE = AVERAGED[::-1]
REMOVED = ["pixels", "slic.first", "nas_clusters.first", "nas_components.first"]
DRAWN = ["raw", "nas_clusters.first", "slic_few.first", "felzenszwalb_few.first", "moved_clusters.first"]
COUNTS = {"integrated_gradients": {"n_steps": 16}, "smoothgrad": {"n_samples": 16}, "rise": {"n_masks": 128}}
COUNTS |= {"xrai": {"n_steps": 8}, "lime": {"n_samples": 1000}, "kernel_shap": {"n_samples": 1000}}
OF_PAPERS = {"integrated_gradients": "50", "smoothgrad": "50", "rise": "4000", "xrai": "100"}
OF_PAPERS |= {"lime": "1000; equal draws are scored once", "kernel_shap": "1000; exact for up to 9 regions"}

# networks that there are, so that nobody has to look
CLASSIFIERS = ("mobilenet_v2", "efficientnet_lite0", "resnet50", "vgg16", "inception_v3", "convnext_tiny")

# what keys were called in former versions
RENAMED = {
    "segmentations": "superpixels.figure",
    "method.photo": "method.figure.photo",
    "depths": "ablation.figure",
    "classes.members": "classes.names",
    "single_and_class": "classes.figure, and its group name",
    "contrast": "saliency.figure",
    "high_iou": "localization.figure",
    "few_labels": "semantics.figure, and its group name",
    "relevance_curves": "relevance.figure",
    "inconsistency.methods": "relevance.figure.ranked",
}
