/**
 * The page as a description: `h` says what should be there, `render` makes the DOM agree.
 *
 * Nodes that stay are kept, so focus, scrolling and half-typed text survive a refresh: nothing is
 * written over in the field that somebody is typing in. What draws
 * itself (a chart) is a widget: it is mounted once, told of new data, and unmounted.
 *
 * @typedef {{tag: string, key?: string, props: Record<string, any>, children: Child[]}} Wanted
 * @typedef {Wanted | string | number} Child
 * @typedef {{mount(node: Element, data: any): any, update(handle: any, data: any): void,
 *   unmount(handle: any): void}} Widget
 */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "defaultValue", "checked", "open", "disabled", "hidden", "selected"]);

/** @type {WeakMap<Node, {wanted: Wanted, handle?: any}>} */
const known = new WeakMap();

/**
 * Describe an element; null, undefined and booleans among its children are left out.
 *
 * @param {string} tag
 * @param {Record<string, any> | null} [props] attributes, `on…` handlers, `style` by name, `key`,
 *   `widget` with its `data`
 * @param {...any} children
 * @returns {Wanted}
 */
export function h(tag, props, ...children) {
  return { tag, key: props?.key, props: props ?? {}, children: flattened(children) };
}

/** Make the children of `parent` those that are wanted. @param {ParentNode & Node} parent @param {...any} wanted */
export function render(parent, ...wanted) {
  const children = flattened(wanted);
  const nodes = matched([...parent.childNodes], children);
  for (const old of [...parent.childNodes]) {
    if (!nodes.includes(old)) remove(old);
  }
  children.forEach((child, index) => {
    const node = nodes[index] ?? made(parent, child);
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
    if (typeof child === "object") update(/** @type {Element} */ (node), child);
    else if (node.nodeValue !== String(child)) node.nodeValue = String(child);
  });
}

/** Let every widget below go. @param {Node} node */
export function remove(node) {
  release(node);
  node.parentNode?.removeChild(node);
}

function release(/** @type {Node} */ node) {
  node.childNodes.forEach(release);
  const was = known.get(node);
  if (was?.wanted.props.widget && was.handle !== undefined) {
    was.wanted.props.widget.unmount(was.handle);
  }
  known.delete(node);
}

function flattened(/** @type {any[]} */ children) {
  const shown = (/** @type {any} */ one) => one !== null && one !== undefined && typeof one !== "boolean";
  return children.flat(Infinity).filter(shown);
}

/** For each child the old node that it can become, or undefined. */
function matched(/** @type {Node[]} */ old, /** @type {Child[]} */ children) {
  const keyed = new Map(old.map((node) => [known.get(node)?.wanted.key, node]));
  const free = old.filter((node) => known.get(node)?.wanted.key === undefined);
  return children.map((child) => {
    if (typeof child === "object" && child.key !== undefined) {
      const node = keyed.get(child.key);
      return node && fits(node, child) ? node : undefined;
    }
    const index = free.findIndex((node) => fits(node, child));
    return index < 0 ? undefined : free.splice(0, index + 1).at(-1);
  });
}

function fits(/** @type {Node} */ node, /** @type {Child} */ child) {
  const was = known.get(node)?.wanted;
  if (typeof child !== "object") return node.nodeType === Node.TEXT_NODE;
  return was?.tag === child.tag && was.props.widget === child.props.widget;
}

function made(/** @type {Node} */ parent, /** @type {Child} */ child) {
  if (typeof child !== "object") return document.createTextNode(String(child));
  const inSvg = child.tag === "svg" || /** @type {Element} */ (parent).namespaceURI === SVG;
  return inSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
}

function update(/** @type {Element} */ node, /** @type {Wanted} */ wanted) {
  const was = known.get(node);
  apply(node, was?.wanted.props ?? {}, wanted.props);
  const { widget, data } = wanted.props;
  let handle = was?.handle;
  if (!widget) render(node, ...wanted.children);
  else if (handle === undefined) handle = widget.mount(node, data);
  else widget.update(handle, data);
  known.set(node, { wanted, handle });
  // The browser's own autofocus looks only at what comes with the page.
  if (!was && wanted.props.autofocus) queueMicrotask(() => /** @type {HTMLElement} */ (node).focus());
}

function apply(/** @type {any} */ node, /** @type {any} */ before, /** @type {any} */ after) {
  for (const name of Object.keys({ ...before, ...after })) {
    if (name === "key" || name === "widget" || name === "data") continue;
    const value = after[name];
    if (name === "style") restyle(node, before.style ?? {}, value ?? {});
    else if (name.startsWith("on")) node[name] = value ?? null;
    else if (before[name] === value) continue;
    else if (name === "value" && node.getRootNode().activeElement === node) continue;
    else if (PROPERTIES.has(name)) node[name] = value ?? (name === "value" ? "" : false);
    else if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

/** By CSSOM: a policy without inline styles refuses the attribute. */
function restyle(/** @type {any} */ node, /** @type {any} */ before, /** @type {any} */ after) {
  for (const name of Object.keys({ ...before, ...after })) {
    if (after[name] !== before[name]) node.style.setProperty(name, after[name] ?? "");
  }
}
