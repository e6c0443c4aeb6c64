from .agreement import OverChance, clustering_agreement
from .clustering import Clustering, cluster_class, clusters_settings
from .groups import folder_name, photos_by_class
from .stored import CLASS, ClassClusters, class_names, pick_class, read_class, store_classes
from .summary import summaries

__all__ = [
    "CLASS",
    "ClassClusters",
    "Clustering",
    "OverChance",
    "class_names",
    "cluster_class",
    "clustering_agreement",
    "clusters_settings",
    "folder_name",
    "photos_by_class",
    "pick_class",
    "read_class",
    "store_classes",
    "summaries",
]
