from .agreement import OverChance, clustering_agreement
from .clustering import ClassClustering, cluster_class, clusters_settings
from .members import ALL_PHOTOS, folder_name, photos_by_class
from .stored import CLASS, ClassClusters, class_names, pick_class, read_class, store_classes
from .summary import summaries

__all__ = [
    "ALL_PHOTOS",
    "CLASS",
    "ClassClustering",
    "ClassClusters",
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
