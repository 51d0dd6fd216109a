// Every sentence of the page, English and Simplified Chinese side by side.

// In a text, `backticks` hold a formula, *asterisks* a term where it is explained, {braces} a value.
export const TEXTS = {
  question: ["Was this digit written by a person, or made by a generator?", "这个数字是人写的，还是生成器造的？"],
  views: ["Views", "视图"],
  tab_check: ["Check", "鉴别"],
  tab_generate: ["Generate", "生成"],
  tab_learn: ["Watch it learn", "看它学习"],

  your_drawing: ["Your drawing", "你写的数字"],
  pad: [
    "Drawing pad. Draw one digit from 0 to 9 with a mouse, a pen or a finger; it is judged after every stroke. Without a pointer, choose a picture file instead.",
    "画板。用鼠标、笔或手指写一个 0 到 9 的数字；每写一笔就会鉴别一次。没有指点设备时，请选择图片文件。",
  ],
  draw_hint: ["Draw one digit. It is judged after every stroke.", "写一个数字。每写一笔就会鉴别一次。"],
  clear: ["Clear", "清除"],
  your_picture: ["Your picture", "你的图片"],
  choose: ["Choose a picture", "选择图片"],
  photograph: ["Take a photo", "拍照"],
  drop_hint: ["or drop or paste one", "也可以拖放或粘贴"],
  result: ["Result", "结果"],
  nothing: ["No picture yet", "还没有图片"],
  nothing_says: ["Draw a digit, or choose a picture.", "写一个数字，或者选择一张图片。"],
  waiting: ["One moment", "请稍候"],
  waiting_says: [
    "The model is still loading; the picture is judged as soon as it is here.",
    "模型还在加载；加载完成后立即鉴别这张图片。",
  ],
  refused: ["Cannot be judged", "无法鉴别"],
  fake: ["Fake", "假"],
  fake_says: ["The model takes this for a generated digit.", "模型认为这是生成的数字。"],
  real: ["Real", "真"],
  real_says: ["The model takes this for a digit that a person wrote.", "模型认为这是人写的数字。"],
  unsure: ["Unsure", "拿不准"],
  unsure_says: ["It lies between the thresholds: the model cannot tell.", "它在两个阈值之间：模型分不出来。"],
  "not a digit": ["Not a digit", "不是数字"],
  "not a digit_says": [
    "This does not look like one handwritten digit, so it gets no number.",
    "这看起来不是单个手写数字，所以不给出概率。",
  ],
  reads_as: ["It reads as a {digit} ({probability}).", "读作 {digit}（{probability}）。"],
  reads_as_8: ["It reads as an {digit} ({probability}).", "读作 {digit}（{probability}）。"],
  number_means: [
    "`P(fake | x)`: given the picture x, the probability that a generator made it.",
    "`P(fake | x)`：给定图片 x，它由生成器造出的概率。",
  ],
  end_real: ["0 = real", "0 = 真"],
  end_fake: ["1 = fake", "1 = 假"],
  threshold: ["threshold {value}", "阈值 {value}"],
  thresholds: ["thresholds {lower} and {upper}", "阈值 {lower} 和 {upper}"],
  seen: ["The picture as the model saw it", "模型看到的图像"],
  seen_says: ["What the model saw: 28 by 28 pixels.", "模型看到的图像：28 × 28 像素。"],
  save: ["Download this digit (PNG)", "下载这个数字（PNG）"],
  save_says: ["Drop the file here again: it gets the same number.", "把文件再拖到这里：得到的概率相同。"],

  meaning: ["What the numbers mean", "这些数字是什么意思"],
  classifier: [
    "A *classifier* reads the *features* x of a picture, here the brightness of its 784 pixels, and says which digit it shows. A *discriminator* answers another question about the same x: does the picture come from a collection of digits that people wrote, or did a generator make it up? What either has learned is in its *parameters* θ, the numbers that training sets.",
    "*分类器*读取图片的*特征* x（这里是 784 个像素的亮度），说出图上是哪个数字。*判别器*对同一个 x 回答另一个问题：这张图片来自人们手写的数字，还是生成器造出来的？它们学到的东西都在各自的*参数* θ 里，也就是训练所确定的那些数。",
  ],
  probability: [
    "`P(fake | x)` is its answer for the picture x: the probability that a generator made it, from 0 to 1. `P(real | x)` is the rest, `1 − P(fake | x)`. The marks on the bar are the thresholds at which the verdict turns to real or to fake.",
    "`P(fake | x)` 是它对图片 x 的回答：由生成器造出的概率，从 0 到 1。`P(real | x)` 是剩下的部分，`1 − P(fake | x)`。横条上的刻度是阈值，越过它结论就变为真或假。",
  ],
  product: [
    "The model in use here was trained against many generators. Its probabilities are calibrated on digits held out from the training, half of them generated: of 100 such digits with `P(fake | x)` near 0.8, about 80 are generated. The thresholds come from held-out digits too: by the upper one at most 1 in 200 that people wrote is called fake, by the lower one at most 1 in 100 generated is called real. Digits from generators and pens that it never met may fare worse.",
    "这里使用的模型用许多生成器的数字训练而成。它的概率用未参与训练的数字校准，其中一半是生成的：在 `P(fake | x)` 约为 0.8 的 100 个这类数字里，约 80 个是生成的。阈值也来自未参与训练的数字：按上阈值，人写的数字至多 200 个里有 1 个被判为假；按下阈值，生成的数字至多 100 个里有 1 个被判为真。对从未见过的生成器和笔迹，结果可能更差。",
  ],
  product_reads: [
    "The same model reads the digit, and says whether there is one handwritten digit at all: what does not look like one is called that, and gets no number.",
    "同一个模型也读出数字，并判断图中是否真有一个手写数字：看起来不像的会直说，而且不给概率。",
  ],
  tutorial: [
    "The model in use here is the tutorial's. It was trained against one generator only and its probabilities are not calibrated, so take them as a ranking, not as odds: it is often wrong about digits from other generators, and about some that people wrote.",
    "这里使用的是教程里的模型。它只与一个生成器对抗训练，概率没有校准，只能当作排序而不是可能性：对其他生成器的数字和一些人写的数字，它常常会错。",
  ],
  stays: ["The model runs in this page. No picture leaves your device.", "模型在本页面里运行。图片不会离开你的设备。"],

  generator_is: [
    "A *generator* turns random numbers, the noise z, into a picture. It has learned to make digits that its discriminator takes for real. The *seed* fixes the noise: the same seed makes the same digits, here and in the Python app.",
    "*生成器*把随机数（噪声 z）变成图片。它学会了生成让判别器当真的数字。*种子*决定噪声：同一个种子在这里和在 Python 应用里生成同样的数字。",
  ],
  generator: ["Generator", "生成器"],
  generator_conditional: ["generator: you choose the digit", "generator：可以指定数字"],
  generator_plain: ["{name}: it chooses the digit", "{name}：不能指定数字"],
  digit: ["Digit", "数字"],
  any: ["any", "任意"],
  count: ["How many (1 to 64)", "数量（1 到 64）"],
  seed: ["Seed", "种子"],
  make: ["Generate", "生成"],
  make_new: ["Other digits", "换一批"],
  copy: ["Copy link", "复制链接"],
  copied: ["The link is copied: it makes the same digits.", "链接已复制：打开它会生成同样的数字。"],
  not_copied: ["This browser does not let a page copy; copy the address above.", "浏览器不允许页面复制；请复制上方地址栏里的地址。"],
  wrong_link: [
    "The link asks for something that this page does not have; choose below instead.",
    "链接要求的内容本页面没有；请在下面选择。",
  ],
  will_load: ["{file}: {size} MiB, downloaded once at first use.", "{file}：{size} MiB，首次使用时下载一次。"],
  is_here: ["{file} is on this device already.", "{file} 已经在这台设备上。"],
  loading_file: ["Loading {file}: {some} of {all} MiB.", "正在加载 {file}：{some} / {all} MiB。"],
  opening_file: ["Starting {file}.", "正在启动 {file}。"],
  making: ["Judging digit {number} of {count}.", "正在鉴别第 {number} 个，共 {count} 个。"],
  made: [
    "{count} made: {fake} called fake, {unsure} unsure, {real} real, {none} no digit. Choose one to check it.",
    "生成了 {count} 个：判为假 {fake}，拿不准 {unsure}，判为真 {real}，不是数字 {none}。选择一个来鉴别。",
  ],
  wall: ["Generated digits", "生成的数字"],
  tile: ["Digit {number}, P(fake | x)", "第 {number} 个，P(fake | x)"],
  number_is: [
    "Under each picture x stands `P(fake | x)`, the probability that a generator made it, by the model of Check.",
    "每张图片 x 下面是 `P(fake | x)`，即它由生成器造出的概率，由“鉴别”的模型给出。",
  ],
  generated_name: ["Generated by {generator}, seed {seed}, number {number}", "由 {generator} 生成，种子 {seed}，第 {number} 个"],
  failed_make: ["The digits could not be made.", "无法生成数字。"],

  pair: [
    "Here a generator and a discriminator learn from each other: the tutorial's pair, kept at {snapshots} moments between step 0 and step {last}. Move the slider. Then draw a digit in Check and see what the discriminator thought of it, from knowing nothing (about one half) to the end.",
    "这里，生成器和判别器互相学习：这是教程里的一对，保存了从第 0 步到第 {last} 步之间的 {snapshots} 个时刻。移动滑块看看。再到“鉴别”里写一个数字，看判别器从一无所知（约二分之一）到最后是怎么看它的。",
  ],
  pair_terms: [
    "In training each picture x has a *label* y, 1 for fake and 0 for real, and `ŷ = P(fake | x)` is the discriminator's *prediction*. The *cost* says how wrong it is on one picture: `−log ŷ` for a fake, `−log(1 − ŷ)` for a real one. The *loss* is the mean cost of many. The *gradient* is the direction of the parameters θ in which the loss grows fastest, so each step moves θ a little the other way. The generator does the same with a loss of its own, the mean cost of its fakes as if they were labelled real: high where they are caught.",
    "训练时每张图片 x 都有*标签* y（1 为假，0 为真），`ŷ = P(fake | x)` 是判别器的*预测*。*代价*表示它在一张图片上错得多厉害：假的是 `−log ŷ`，真的是 `−log(1 − ŷ)`。*损失*是许多代价的平均值。*梯度*是使损失增长最快的参数 θ 的方向，所以每一步都让 θ 朝相反方向移动一点。生成器也一样，但有自己的损失：把它的假图当作标为真时的平均代价，被识破时就高。",
  ],
  step: ["Training step", "训练步"],
  step_is: ["Step {step} of {last}", "第 {step} 步，共 {last} 步"],
  play: ["Play", "播放"],
  pause: ["Pause", "暂停"],
  walls: ["What the generator makes", "生成器造出的"],
  walls_at: ["64 digits by the generator at step {step}", "生成器在第 {step} 步生成的 64 个数字"],
  yours: ["Your digit", "你的数字"],
  yours_none: ["Nothing to watch yet: draw a digit in Check, then come back.", "还没有可看的数字：先到“鉴别”里写一个，再回来。"],
  yours_go: ["Draw a digit", "去写一个数字"],
  yours_load: ["See what it thought of your digit ({size} MiB)", "看它怎么看你的数字（{size} MiB）"],
  yours_at: ["`P(fake | x)` at step {step}", "第 {step} 步的 `P(fake | x)`"],
  yours_chart: ["P(fake | x) of your digit at each step: {points}", "你的数字在各步的 P(fake | x)：{points}"],
  yours_whose: [
    "By the tutorial's discriminator, which met one generator only; it is not the model of Check, and not calibrated.",
    "由教程的判别器给出，它只见过一个生成器；它不是“鉴别”的模型，也没有校准。",
  ],
  losses: ["The two losses", "两个损失"],
  losses_discriminator: ["discriminator", "判别器"],
  losses_generator: ["generator", "生成器"],
  losses_at: [
    "At step {step}: discriminator {discriminator}, generator {generator}. Guessing gives `log 2 ≈ 0.693`, the dotted line.",
    "第 {step} 步：判别器 {discriminator}，生成器 {generator}。随机猜测得到 `log 2 ≈ 0.693`，即虚线。",
  ],
  losses_chart: ["Losses at each step, discriminator and generator: {points}", "各步的损失，判别器和生成器：{points}"],
  chart_steps: ["step", "步"],
  retry: ["Try again", "重试"],

  loading: ["Loading the model: {some} of {all} MiB.", "正在加载模型：{some} / {all} MiB。"],
  loading_first: ["Loading the model.", "正在加载模型。"],
  ready: ["{model} {version} runs in this page.", "{model} {version} 在本页面里运行。"],
  not_loaded: ["The model could not be loaded; reload the page.", "模型无法加载；请刷新页面。"],
  not_loaded_why: ["The model could not be loaded ({reason}); reload the page.", "模型无法加载（{reason}）；请刷新页面。"],
  not_judged: ["The model could not judge this picture.", "模型无法鉴别这张图片。"],
  offline: ["This page now works without a network too.", "现在没有网络也能使用本页面。"],
  newer: ["A newer version is here.", "有新版本。"],
  use_it: ["Use it", "使用新版本"],

  file_empty: ["The file is empty; choose one that holds a picture.", "文件是空的；请选择含有图片的文件。"],
  file_large: [
    "The file has more than 32 MiB; save the picture smaller and try again.",
    "文件超过 32 MiB；请把图片存小一些再试。",
  ],
  pixels_many: [
    "The picture has more than {limit} pixels; make it smaller and try again.",
    "图片超过 {limit} 像素；请缩小后再试。",
  ],
  file_unreadable: [
    "This is no picture that this browser can read; use PNG, JPEG, WebP, AVIF, BMP or GIF.",
    "浏览器读不出这张图片；请使用 PNG、JPEG、WebP、AVIF、BMP 或 GIF。",
  ],
  memory: [
    "The picture is too large for this browser's memory; make it smaller and try again.",
    "图片太大，浏览器内存不够；请缩小后再试。",
  ],
  not_fetched: [
    "{file} could not be loaded: the network or the server did not answer. Try again once you are connected.",
    "{file} 无法加载：网络或服务器没有响应。连上网络后请重试。",
  ],
  view_not_fetched: [
    "This view could not be loaded: the network or the server did not answer. Try again once you are connected.",
    "这个视图无法加载：网络或服务器没有响应。连上网络后请重试。",
  ],
  not_there: ["{file} could not be loaded: the server answered {status}. Try again later.", "{file} 无法加载：服务器返回 {status}。请稍后重试。"],
  not_this_version: [
    "{file} is not the file of this version of the page; reload the page and try again.",
    "{file} 不属于本页面的这个版本；请刷新页面后重试。",
  ],
};

export const LANGUAGES = ["en", "zh"];
const CHINESE = navigator.language.toLowerCase().startsWith("zh");
const COLUMN = CHINESE ? 1 : 0;

/** The language of the page, as the `lang` attribute and number formats want it. */
export const LANGUAGE = CHINESE ? "zh-CN" : "en";

/**
 * @param {keyof typeof TEXTS} key
 * @param {Record<string, string | number>} values put where the text names them in braces
 */
export function text(key, values = {}) {
  return TEXTS[key][COLUMN].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Fill an element with a text, its formulas and terms as elements of their own. */
export function write(element, key, values) {
  const parts = text(key, values).split(/(`[^`]+`|\*[^*]+\*)/);
  element.replaceChildren(...parts.filter(Boolean).map(partOf));
}

function partOf(part) {
  if (part[0] !== "`" && part[0] !== "*") return part;
  const formula = part[0] === "`";
  const element = document.createElement(formula ? "span" : "dfn");
  if (formula) element.className = "formula";
  element.textContent = part.slice(1, -1);
  return element;
}

/** Write every text that the page's HTML names: `data-text` inside an element, `data-label` as its label. */
export function writePage() {
  document.documentElement.lang = LANGUAGE;
  for (const element of document.querySelectorAll("[data-text]")) write(element, element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
}
