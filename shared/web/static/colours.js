/** The style sheet's colours for what is drawn on a canvas, which can't read them itself. */

/** The colour of a `--name` as it is where `node` stands. @param {Element} node @param {string} name */
export function colour(node, name) {
  const probe = node.ownerDocument.createElement("i");
  probe.style.setProperty("color", `var(--${name})`);
  node.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
