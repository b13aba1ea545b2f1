// The picture to keep: the whole matrix with every name, a title and the legend, whatever part is on the screen.

const pictureLimit = 81e6; // pixels; browsers refuse, or run out of memory, somewhat above
const pictureMargin = 28;

function pictureLayout(scene) {
  const { matrix, theme, measure } = scene;
  const cell = clamped(900 / matrix.entries, 11, 64);
  const width = matrix.entries * cell + 700; // room for the names; cut to what was needed below
  const layout = layoutFor(matrix, theme, measure, { width, cellLimit: cell });
  const overhang = layout.slant === "slanted" ? layout.columnRoom * slope : 0;
  return { ...layout, width: layout.left + layout.side + Math.max(layout.totals, overhang + 2 * gap) + 8 };
}

function picture(scene) {
  const layout = pictureLayout(scene);
  const top = pictureMargin + 30;
  const width = Math.max(layout.width, layout.left + legendWidth(scene)) + 2 * pictureMargin;
  const height = top + layout.height + 18 + legendHeight + pictureMargin;
  const ratio = Math.min(2, Math.sqrt(pictureLimit / (width * height)));
  const sheet = document.createElement("canvas");
  sheet.width = Math.floor(width * ratio);
  sheet.height = Math.floor(height * ratio);
  const brush = sheet.getContext("2d");
  brush.scale(ratio, ratio);
  brush.fillStyle = scene.theme.background;
  brush.fillRect(0, 0, width, height);
  drawTitle(brush, scene);
  const shift = { x: pictureMargin * ratio, y: top * ratio };
  const whole = { ...scene, layout, view: wholeView(layout), ratio, shift };
  brush.save();
  brush.translate(pictureMargin, top);
  drawStill(brush, whole);
  brush.translate(layout.left, layout.height + 18);
  drawLegend(brush, whole);
  brush.restore();
  return sheet;
}

function drawTitle(brush, scene) {
  brush.fillStyle = scene.theme.text;
  brush.font = `600 17px ${scene.theme.font}`;
  brush.textAlign = "left";
  brush.textBaseline = "middle";
  brush.fillText(scene.matrix.title, pictureMargin, pictureMargin + 6);
}

function savePicture(scene) {
  picture(scene).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = scene.matrix.file_name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/png");
}
