// Icons of 16 by 16, drawn as lines: no font has to have them.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  plus: "M8 3v10M3 8h10", minus: "M3 8h10", fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5",
  ruler: "M2 12 12 2l2 2L4 14zM6 8l1.5 1.5M8.5 5.5 10 7", follow: "M8 1v3M8 12v3M1 8h3M12 8h3M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7",
  play: "M4 2.5 13 8l-9 5.5z", pause: "M5 3v10M11 3v10", back: "M12 3 6 8l6 5zM3.5 3v10", on: "M4 3l6 5-6 5zM12.5 3v10", close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  layers: "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3", download: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11", list: "M2 4h12M2 8h12M2 12h12",
  known: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8", code: "M4 4h8v8H4z", primary: "M8 3v10M3 8h10", dependent: "M5.5 2.5h5v11h-5z", suspect: "M8 2l6 6-6 6-6-6z",
  coasting: "M8 4h1M11 5.5l.5 1M12 8.5v1M10 11.5l-1 .5M6.5 12l-1-.5M4 9.5v-1M4.5 6l.5-.5", distress: "M8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon; whoever reads the page aloud does not hear of it. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" })) svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Change what an icon shows. */
export function setIcon(svg: SVGSVGElement, name: IconName): void {
  if (svg.firstElementChild!.getAttribute("d") !== PATHS[name]) svg.firstElementChild!.setAttribute("d", PATHS[name]);
}
