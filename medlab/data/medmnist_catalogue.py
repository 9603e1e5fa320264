"""What MedMNIST v2 holds: all 18 sets with their sizes, checksums, classes, licences and sources, in one table.

Facts as in the `medmnist` package 3.0.2, `info.py` (Apache-2.0). Class names are the official ones, in official
order: in BreastMNIST 0 is malignant.
"""

from dataclasses import dataclass

RECORD = "https://zenodo.org/records/10519652"  # for a browser
ADDRESS = RECORD + "/files/{file}?download=1"
PAPER = "Yang et al. 2023, MedMNIST v2, doi:10.1038/s41597-022-01721-8"

_KERMANY = "Kermany et al. 2018, doi:10.1016/j.cell.2018.02.010"
_LITS = "Bilic et al. 2023, doi:10.1016/j.media.2022.102680; Xu et al. 2019, doi:10.1109/TMI.2019.2894854"
_ORGANS_2D = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver",
    "lung-left", "lung-right", "pancreas", "spleen",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One set of MedMNIST.

    Args:
        title: Its name in papers.
        shows: What is in the images.
        task: As in `Dataset.task`.
        classes: Class names in the order of the labels.
        channels: 1 grey, 3 colour.
        n: Images in train, val and test.
        md5: Checksum of the file of each size that exists.
        source: Who made the images, to cite beside `PAPER`; empty where that paper itself is the source.
        licence: Terms of use.
    """

    title: str
    shows: str
    task: str
    classes: tuple[str, ...]
    channels: int
    n: tuple[int, int, int]
    md5: dict[int, str]
    source: str
    licence: str = "CC BY 4.0"

    @property
    def dimensions(self) -> int:
        return 3 if self.title.endswith("3D") else 2

    def shape(self, size: int) -> tuple[int, ...]:
        """Shape of one image: (y, x), (y, x, 3) or (z, y, x)."""
        return (size,) * self.dimensions + ((3,) if self.channels == 3 else ())

    @property
    def citation(self) -> str:
        return f"{PAPER}; {self.source}" if self.source else PAPER


def file_name(name: str, size: int) -> str:
    """`pneumoniamnist.npz` for 28 pixels, `pneumoniamnist_64.npz` for others."""
    return f"{name}.npz" if size == 28 else f"{name}_{size}.npz"


# fmt: off
CATALOGUE = {
    "pathmnist": Entry(
        title="PathMNIST", shows="tissue in colon histology, H&E",
        task="multiclass", channels=3, n=(89996, 10004, 7180),
        classes=(
            "adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
            "cancer-associated stroma", "colorectal adenocarcinoma epithelium",
        ),
        md5={
            28: "a8b06965200029087d5bd730944a56c1", 64: "55aa9c1e0525abe5a6b9d8343a507616",
            128: "ac42d08fb904d92c244187169d1fd1d9", 224: "2c51a510bcdc9cf8ddb2af93af1eadec",
        },
        source="Kather et al. 2019, doi:10.1371/journal.pmed.1002730",
    ),
    "chestmnist": Entry(
        title="ChestMNIST", shows="chest X-rays of adults",
        task="multilabel", channels=1, n=(78468, 11219, 22433),
        classes=(
            "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
            "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia",
        ),
        md5={
            28: "02c8a6516a18b556561a56cbdd36c4a8", 64: "9de6cd0b934ebb5b7426cfba5efbae16",
            128: "db107e5590b27930b62dbaf558aebee3", 224: "45bd33e6f06c3e8cdb481c74a89152aa",
        },
        source="Wang et al. 2017, doi:10.1109/CVPR.2017.369",
    ),
    "dermamnist": Entry(
        title="DermaMNIST", shows="skin lesions under a dermatoscope",
        task="multiclass", channels=3, n=(7007, 1003, 2005),
        classes=(
            "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma",
            "benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
        ),
        md5={
            28: "0744692d530f8e62ec473284d019b0c7", 64: "b70a2f5635c6199aeaa28c31d7202e1f",
            128: "2defd784463fa5243564e855ed717de1", 224: "8974907d8e169bef5f5b96bc506ae45d",
        },
        source="Tschandl et al. 2018, doi:10.1038/sdata.2018.161; Codella et al. 2019, arXiv:1902.03368",
        licence="CC BY-NC 4.0",
    ),
    "octmnist": Entry(
        title="OCTMNIST", shows="retina in optical coherence tomography",
        task="multiclass", channels=1, n=(97477, 10832, 1000),
        classes=("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        md5={
            28: "c68d92d5b585d8d81f7112f81e2d0842", 64: "e229e9440236b774d9f0dfef9d07bdaf",
            128: "0a97e76651ace45c5d943ee3f65b63ae", 224: "abc493b6d529d5de7569faaef2773ba3",
        },
        source=_KERMANY,
    ),
    "pneumoniamnist": Entry(
        title="PneumoniaMNIST", shows="chest X-rays of children",
        task="binary", channels=1, n=(4708, 524, 624),
        classes=("normal", "pneumonia"),
        md5={
            28: "28209eda62fecd6e6a2d98b1501bb15f", 64: "8f4eceb4ccffa70c672198ea285246c6",
            128: "05b46931834c231683c68f40c47b2971", 224: "d6a3c71de1b945ea11211b03746c1fe1",
        },
        source=_KERMANY,
    ),
    "retinamnist": Entry(
        title="RetinaMNIST", shows="colour photographs of the retina",
        task="ordinal", channels=3, n=(1080, 120, 400),
        classes=("0", "1", "2", "3", "4"),
        md5={
            28: "bd4c0672f1bba3e3a89f0e4e876791e4", 64: "afda852cc34dcda56f86ad2b2457dbcc",
            128: "e48e916a24454daf90583d4e6efb1a18", 224: "eae7e3b6f3fcbda4ae613ebdcbe35348",
        },
        source="Liu et al. 2022, doi:10.1016/j.patter.2022.100512",
    ),
    "breastmnist": Entry(
        title="BreastMNIST", shows="ultrasound of the breast",
        task="binary", channels=1, n=(546, 78, 156),
        classes=("malignant", "normal, benign"),
        md5={
            28: "750601b1f35ba3300ea97c75c52ff8f6", 64: "742edef2a1fd1524b2efff4bd7ba9364",
            128: "363e4b3f8d712e9b5de15470a2aaadf1", 224: "b56378a6eefa9fed602bb16d192d4c8b",
        },
        source="Al-Dhabyani et al. 2020, doi:10.1016/j.dib.2019.104863",
    ),
    "bloodmnist": Entry(
        title="BloodMNIST", shows="single blood cells under a microscope",
        task="multiclass", channels=3, n=(11959, 1712, 3421),
        classes=(
            "basophil", "eosinophil", "erythroblast",
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)", "lymphocyte", "monocyte",
            "neutrophil", "platelet",
        ),
        md5={
            28: "7053d0359d879ad8a5505303e11de1dc", 64: "2b94928a2ae4916078ca51e05b6b800b",
            128: "adace1e0ed228fccda1f39692059dd4c", 224: "b718ff6835fcbdb22ba9eacccd7b2601",
        },
        source="Acevedo et al. 2020, doi:10.1016/j.dib.2020.105474",
    ),
    "tissuemnist": Entry(
        title="TissueMNIST", shows="single cells of the kidney cortex, fluorescence",
        task="multiclass", channels=1, n=(165466, 23640, 47280),
        classes=(
            "Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells",
            "Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ),
        md5={
            28: "ebe78ee8b05294063de985d821c1c34b", 64: "123ece2eba09d0aa5d698fda57103344",
            128: "61b955355d7425a89687b06cca3ce0c2", 224: "b077128c4a949f0a4eb01517f9037b9c",
        },
        source="Ljosa et al. 2012, doi:10.1038/nmeth.2083",
    ),
    "organamnist": Entry(
        title="OrganAMNIST", shows="organs in CT, axial",
        task="multiclass", channels=1, n=(34561, 6491, 17778),
        classes=_ORGANS_2D,
        md5={
            28: "68e3f8846a6bd62f0c9bf841c0d9eacc", 64: "2dcccc29b88e6da5a01161ef20cda288",
            128: "eeae80d0a227a8d099027e1b3cfd3b60", 224: "50747347e05c87dd3aaf92c49f9f3170",
        },
        source=_LITS,
    ),
    "organcmnist": Entry(
        title="OrganCMNIST", shows="organs in CT, coronal",
        task="multiclass", channels=1, n=(12975, 2392, 8216),
        classes=_ORGANS_2D,
        md5={
            28: "b9ceb9546e10131b32923c5bbeaea2b1", 64: "3ce34a8724ea6f548e6db4744d03b6a9",
            128: "773c1f009daa3fe5d9a2a201b2a7ed94", 224: "050f5e875dc056f6768abf94ec9995d1",
        },
        source=_LITS,
    ),
    "organsmnist": Entry(
        title="OrganSMNIST", shows="organs in CT, sagittal",
        task="multiclass", channels=1, n=(13932, 2452, 8827),
        classes=_ORGANS_2D,
        md5={
            28: "9ab87b696fb54e2a387ebe992d6ed5f1", 64: "53a6d115339d874c25e309a994ff46d3",
            128: "ded0c5fa01a95dc4978b956f613e9b8e", 224: "b354719e553fbbb2513d5533f52a4cb1",
        },
        source=_LITS,
    ),
    "organmnist3d": Entry(
        title="OrganMNIST3D", shows="organs in CT",
        task="multiclass", channels=1, n=(971, 161, 610),
        classes=(
            "liver", "kidney-right", "kidney-left", "femur-right", "femur-left", "bladder", "heart", "lung-right",
            "lung-left", "spleen", "pancreas",
        ),
        md5={28: "a0c5a1ff56af4f155c46d46fbb45a2fe", 64: "58a2205adf14a9d0a189cb06dc78bf10"},
        source=_LITS,
    ),
    "nodulemnist3d": Entry(
        title="NoduleMNIST3D", shows="lung nodules in CT",
        task="binary", channels=1, n=(1158, 165, 310),
        classes=("benign", "malignant"),
        md5={28: "8755a7e9e05a4d9ce80a24c3e7a256f3", 64: "c47c5b7d457bf6332200d2ea6d64ecd8"},
        source="Armato et al. 2011, doi:10.1118/1.3528204",
    ),
    "adrenalmnist3d": Entry(
        title="AdrenalMNIST3D", shows="shapes of adrenal glands",
        task="binary", channels=1, n=(1188, 98, 298),
        classes=("normal", "hyperplasia"),
        md5={28: "bbd3c5a5576322bc4cdfea780653b1ce", 64: "17721accfe9fb005146a47d33bc54b2f"},
        source="",
    ),
    "fracturemnist3d": Entry(
        title="FractureMNIST3D", shows="rib fractures in CT",
        task="multiclass", channels=1, n=(1027, 103, 240),
        classes=("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
        md5={28: "6aa7b0143a6b42da40027a9dda61302f", 64: "f01d7e6316aedf4210da0da5b7437b42"},
        source="Jin et al. 2020, doi:10.1016/j.ebiom.2020.103106",
    ),
    "vesselmnist3d": Entry(
        title="VesselMNIST3D", shows="shapes of brain arteries",
        task="binary", channels=1, n=(1335, 191, 382),
        classes=("vessel", "aneurysm"),
        md5={28: "b41fd4f7e7e2feedddb201585ecafa1b", 64: "6bb274a8846e1097066dcd64e2c4520f"},
        source="Yang et al. 2020, doi:10.1109/CVPR42600.2020.00273",
    ),
    "synapsemnist3d": Entry(
        title="SynapseMNIST3D", shows="synapses of a rat, electron microscope",
        task="binary", channels=1, n=(1230, 177, 352),
        classes=("inhibitory synapse", "excitatory synapse"),
        md5={28: "1235b78a3cd6280881dd7850a78eadb6", 64: "43bd14ebf3af9d3dd072446fedc14d5e"},
        source="",
    ),
}
# fmt: on
