// Elements, made by hand: text is always set as text, so markup in a callsign stays letters.

type Properties = Record<string, string | number | boolean | undefined | ((event: never) => void)>;
type Child = Node | string | null | undefined;

/** An element: properties that begin with "on" are listeners, the others attributes (true: empty, false: absent). */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Properties = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

/** A button that is not sent anywhere. */
export function button(text: string, properties: Properties, ...children: Child[]): HTMLButtonElement {
  return el("button", { type: "button", ...properties }, text, ...children);
}

/** Set a text only where it differs: layouts are not disturbed for nothing. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute only where it differs; null removes it. */
export function setAttribute(node: Element, name: string, value: string | null): void {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** A labelled check box. */
export function checkbox(text: string, checked: boolean, changed: (checked: boolean) => void): HTMLLabelElement {
  const input = el("input", { type: "checkbox", checked, onchange: () => changed(input.checked) });
  return el("label", { class: "check" }, input, el("span", {}, text));
}

/** A labelled choice of few. */
export function choice(text: string, values: [string, string][], value: string, changed: (value: string) => void): HTMLLabelElement {
  const select = el("select", { onchange: () => changed(select.value) });
  for (const [key, shown] of values) select.append(el("option", { value: key }, shown));
  select.value = value;
  return el("label", { class: "choice" }, el("span", {}, text), select);
}
