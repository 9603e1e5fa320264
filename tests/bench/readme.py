"""The README's table of measurements, from reports/bench.json: `python -m tests.bench.readme` after `make bench`."""

import json
import re
from pathlib import Path

BEGIN, END = "<!-- measured: python -m tests.bench.readme -->", "<!-- end of measured -->"
SHOWN = {  # row of bench.json: what the reader is told
    "haar_24/speed": "all 162,336 Haar features of a 24×24 window",
    "lbp_28/speed": "LBP codes of a 28×28 image, in a batch of 256",
    "lbp_224/speed": "LBP codes of a 224×224 image",
    "lbp_1024/speed": "LBP codes of a 1024×1024 image",
    "glcm_32/speed": "GLCM features of a 32×32 patch, 32 levels",
    "glcm_256/speed": "GLCM features of a 32×32 patch, 256 levels",
    "pneumonia_classical/auc": "PneumoniaMNIST, HOG + LBP + GLCM + pixels, SVM: AUC",
    "pneumonia_cnn/auc": "PneumoniaMNIST, small residual net from scratch, mean of 5 seeds (lowest, highest): AUC",
    "pneumonia_cnn/accuracy": "the same: accuracy",
    "pneumonia_cnn/seconds": "the same: seconds of a training",
    "time_to_auc/seconds": "PneumoniaMNIST, the same network in a short training of 10 epochs",
    "time_to_auc/auc": "the same: AUC",
    "input_pipeline/speed": "a batch of 128 augmented images of 28×28",
    "lidc_classical/auc": "LIDC nodules, features by hand: AUC",
    "lidc_classical/auc_6_15mm": "the same, nodules of 6 to 15 mm: AUC",
    "lidc_classical/gain": "gain in AUC over the best single size",
    "phantom_to_lidc/auc": 'trained on phantoms only, LIDC part "report": AUC',
    "phantom_to_lidc/auc_6_15mm": "the same, nodules of 6 to 15 mm: AUC",
    "lidc_cnn/auc": "LIDC nodules, CNN on six slices, pixels only: AUC",
    "lidc_cnn/auc_6_15mm": "the same, nodules of 6 to 15 mm: AUC",
    "lidc_cnn_edges/auc": "the edges of those slices alone, a forest: AUC",
    "lidc_cnn/mae_mm": "diameter from those slices, mean error in mm",
    "lidc_combined/auc": "LIDC nodules, features by hand and CNN: AUC",
    "lidc_combined/gain": "gain in AUC over features by hand alone",
    "phantom_to_lidc_cnn/auc": 'CNN trained on phantoms only, LIDC part "report": AUC',
    "lungs_phantom/dice": "lungs of 20 phantom chests: mean Dice",
    "nodule_lidc/dice": 'LIDC nodules outlined from one click, part "report": median Dice',
}


def table(rows: list[dict]) -> str:
    """Markdown, one line a figure that was measured."""
    found = {row["name"]: row for row in rows}
    lines = ["| what | measured | beside it |", "|---|---|---|"]
    for name, said in SHOWN.items():
        if name in found:
            lines.append(f"| {said} | {_value(found[name])} | {_peer(found[name])} |")
    return "\n".join(lines)


def _value(row: dict) -> str:
    if row["unit"] == "s":
        return f"{row['value'] * 1e3:.3g} ms" if row["value"] < 1 else f"{row['value']:.0f} s"
    part = f", {row['unit']}" if row["unit"] in ("validation", "test") else ""
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f}){part}"


def _peer(row: dict) -> str:
    if row["peer"] is None:
        return ""
    if row["ratio"] and row["unit"] == "s":
        return f"{row['ratio']:.0f} × faster than {row['peer']}"
    return row["peer"] if row["peer_value"] is None else f"{row['peer']}: {row['peer_value']:.3f}"


def main() -> None:
    readme = Path("README.md")
    rows = json.loads(Path("reports/bench.json").read_text(encoding="utf-8"))
    text = readme.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"README.md has no place for the table, between {BEGIN} and {END}")
    made = f"{BEGIN}\n{table(rows)}\n{END}"
    readme.write_text(pattern.sub(lambda _: made, text), encoding="utf-8")


if __name__ == "__main__":
    main()
