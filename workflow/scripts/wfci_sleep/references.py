"""The works that a run stands on, and how a text cites them: by number, in the order of their first mention."""

import re

REFERENCES = {
    "abadi2016": (
        "Abadi M, Barham P, Chen J, et al. TensorFlow: a system for large-scale machine learning. In: 12th USENIX "
        "Symposium on Operating Systems Design and Implementation; 2016. p. 265-283."
    ),
    "bahdanau2015": (
        "Bahdanau D, Cho K, Bengio Y. Neural machine translation by jointly learning to align and translate. In: "
        "International Conference on Learning Representations; 2015. arXiv:1409.0473."
    ),
    "chattopadhay2018": (
        "Chattopadhay A, Sarkar A, Howlader P, Balasubramanian VN. Grad-CAM++: generalized gradient-based visual "
        "explanations for deep convolutional networks. In: IEEE Winter Conference on Applications of Computer Vision; "
        "2018. p. 839-847. doi:10.1109/WACV.2018.00097."
    ),
    "chollet2015": "Chollet F, et al. Keras; 2015. https://keras.io.",
    "cohen1960": (
        "Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas. 1960;20(1):37-46. "
        "doi:10.1177/001316446002000104."
    ),
    "efron1979": (
        "Efron B. Bootstrap methods: another look at the jackknife. Ann Stat. 1979;7(1):1-26. "
        "doi:10.1214/aos/1176344552."
    ),
    "goldberger2000": (
        "Goldberger AL, Amaral LAN, Glass L, et al. PhysioBank, PhysioToolkit, and PhysioNet: components of a new "
        "research resource for complex physiologic signals. Circulation. 2000;101(23):e215-e220. "
        "doi:10.1161/01.CIR.101.23.e215."
    ),
    "guo2017": (
        "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. In: Proceedings of the 34th "
        "International Conference on Machine Learning; 2017. PMLR 70:1321-1330."
    ),
    "habarubio2004": (
        "Haba-Rubio J, Ibanez V, Sforza E. An alternative measure of sleep fragmentation in clinical practice: the "
        "sleep fragmentation index. Sleep Med. 2004;5(6):577-581. doi:10.1016/j.sleep.2004.06.007."
    ),
    "harris2020": (
        "Harris CR, Millman KJ, van der Walt SJ, et al. Array programming with NumPy. Nature. 2020;585:357-362. "
        "doi:10.1038/s41586-020-2649-2."
    ),
    "hesterberg2015": (
        "Hesterberg TC. What teachers should know about the bootstrap: resampling in the undergraduate statistics "
        "curriculum. Am Stat. 2015;69(4):371-386. doi:10.1080/00031305.2015.1089789."
    ),
    "hochreiter1997": (
        "Hochreiter S, Schmidhuber J. Long short-term memory. Neural Comput. 1997;9(8):1735-1780. "
        "doi:10.1162/neco.1997.9.8.1735."
    ),
    "holm1979": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat. 1979;6(2):65-70. "
        "doi:10.2307/4615733."
    ),
    "hunter2007": (
        "Hunter JD. Matplotlib: a 2D graphics environment. Comput Sci Eng. 2007;9(3):90-95. doi:10.1109/MCSE.2007.55."
    ),
    "kerby2014": (
        "Kerby DS. The simple difference formula: an approach to teaching nonparametric correlation. Compr Psychol. "
        "2014;3:11.IT.3.1. doi:10.2466/11.IT.3.1."
    ),
    "kingma2015": (
        "Kingma DP, Ba J. Adam: a method for stochastic optimization. In: International Conference on Learning "
        "Representations; 2015. arXiv:1412.6980."
    ),
    "landsness2022": (
        "Landsness E, Zhang X, Chen W, et al. Wide-field calcium imaging sleep state database (version 1.0.1). "
        "PhysioNet; 2022. doi:10.13026/prp1-2d11."
    ),
    "lin2017": (
        "Lin T-Y, Goyal P, Girshick R, He K, Dollár P. Focal loss for dense object detection. In: IEEE International "
        "Conference on Computer Vision; 2017. p. 2980-2988. doi:10.1109/ICCV.2017.324."
    ),
    "mckinney2010": (
        "McKinney W. Data structures for statistical computing in Python. In: Proceedings of the 9th Python in "
        "Science Conference; 2010. p. 56-61. doi:10.25080/Majora-92bf1922-00a."
    ),
    "molder2021": (
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable data analysis with Snakemake. F1000Research. "
        "2021;10:33. doi:10.12688/f1000research.29032.2."
    ),
    "pedregosa2011": (
        "Pedregosa F, Varoquaux G, Gramfort A, et al. Scikit-learn: machine learning in Python. J Mach Learn Res. "
        "2011;12:2825-2830."
    ),
    "selvaraju2017": (
        "Selvaraju RR, Cogswell M, Das A, Vedantam R, Parikh D, Batra D. Grad-CAM: visual explanations from deep "
        "networks via gradient-based localization. In: IEEE International Conference on Computer Vision; 2017. p. "
        "618-626. doi:10.1109/ICCV.2017.74."
    ),
    "vanderwalt2014": (
        "van der Walt S, Schönberger JL, Nunez-Iglesias J, et al. scikit-image: image processing in Python. PeerJ. "
        "2014;2:e453. doi:10.7717/peerj.453."
    ),
    "virtanen2020": (
        "Virtanen P, Gommers R, Oliphant TE, et al. SciPy 1.0: fundamental algorithms for scientific computing in "
        "Python. Nat Methods. 2020;17:261-272. doi:10.1038/s41592-019-0686-2."
    ),
    "waskom2021": (
        "Waskom ML. seaborn: statistical data visualization. J Open Source Softw. 2021;6(60):3021. "
        "doi:10.21105/joss.03021."
    ),
    "wilcoxon1945": (
        "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bull. 1945;1(6):80-83. doi:10.2307/3001968."
    ),
    "woo2018": (
        "Woo S, Park J, Lee J-Y, Kweon IS. CBAM: convolutional block attention module. In: European Conference on "
        "Computer Vision; 2018. p. 3-19. doi:10.1007/978-3-030-01234-2_1."
    ),
    "yang2021": (
        "Yang L, Zhang R-Y, Li L, Xie X. SimAM: a simple, parameter-free attention module for convolutional neural "
        "networks. In: Proceedings of the 38th International Conference on Machine Learning; 2021. PMLR "
        "139:11863-11874."
    ),
    "zhang2022": (
        "Zhang X, Landsness EC, Chen W, et al. Automated sleep state classification of wide-field calcium imaging "
        "data via multiplex visibility graphs and deep learning. J Neurosci Methods. 2022;366:109421. "
        "doi:10.1016/j.jneumeth.2021.109421."
    ),
    "zhang2024": (
        "Zhang X, Landsness EC, Miao H, et al. Attention-based CNN-BiLSTM for sleep state classification of "
        "spatiotemporal wide-field calcium imaging data. J Neurosci Methods. 2024;411:110250. "
        "doi:10.1016/j.jneumeth.2024.110250."
    ),
}
"""Works by the key that a text cites them with."""

_CITATION = re.compile(r"\[(@\w+(?:; @\w+)*)\]")


def numbered(text: str) -> tuple[str, list[str]]:
    """Replace citations of the form [@key; @key] by numbers.

    Returns
    -------
    str
        The text with [1, 2] in place of citations.
    list of str
        The works of `REFERENCES` that it cites, in the order of their numbers.

    Examples
    --------
    >>> text, works = numbered("Adam [@kingma2015], dropout; focal loss [@lin2017; @kingma2015].")
    >>> text
    'Adam [1], dropout; focal loss [2, 1].'
    >>> [work.split(".")[0] for work in works]
    ['Kingma DP, Ba J', 'Lin T-Y, Goyal P, Girshick R, He K, Dollár P']
    """
    keys = dict.fromkeys(key for citation in _CITATION.findall(text) for key in _keys(citation))
    number = {key: str(place) for place, key in enumerate(keys, start=1)}

    def in_numbers(citation: re.Match) -> str:
        return f"[{', '.join(number[key] for key in _keys(citation[1]))}]"

    return _CITATION.sub(in_numbers, text), [REFERENCES[key] for key in keys]


def _keys(citation: str) -> list[str]:
    return citation.replace("@", "").split("; ")
