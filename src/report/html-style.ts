/** The one style sheet of the HTML report. Its hash is in the page's policy, so no other style can apply. */
export const HTML_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2027; --soft: #57606a; --line: #d9dee4; --head: #f0f2f5;
  --accent: #0b5cad; --base: #6b7480; --candidate: #0b5cad;
  --bad: #b3261e; --bad-wash: #fdecea; --warn: #7a5200; --warn-wash: #fff4d6; --good: #1a6b34; --good-wash: #e6f5ea; --calm-wash: #eef1f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1116; --card: #161b22; --ink: #e6eaf0; --soft: #9aa5b1; --line: #2c333c; --head: #1c222b;
    --accent: #7db7ff; --base: #98a3af; --candidate: #7db7ff;
    --bad: #ff9a91; --bad-wash: #3a1614; --warn: #f0c15c; --warn-wash: #33270a; --good: #7ddc98; --good-wash: #12301c; --calm-wash: #1f2630;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--accent); text-underline-offset: 2px; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code { font: 0.92em/1.4 ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 12px; background: var(--card); padding: 8px 14px; z-index: 1; }
.wrap { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { background: var(--card); border-bottom: 1px solid var(--line); border-top: 6px solid var(--soft); padding: 26px 0 22px; }
header.failed, header.no-verdict { border-top-color: var(--bad); } header.warned { border-top-color: var(--warn); } header.passed { border-top-color: var(--good); }
.eyebrow { margin: 0 0 6px; color: var(--soft); font-size: 14px; }
h1 { font-size: clamp(22px, 3.4vw, 32px); line-height: 1.22; margin: 0; letter-spacing: -0.015em; overflow-wrap: anywhere; text-wrap: balance; }
h1 code { font-size: 0.94em; font-weight: 700; }
h2 code { font-weight: 600; }
.meta { margin: 12px 0 0; display: flex; flex-wrap: wrap; gap: 4px 22px; color: var(--soft); font-size: 14px; }
.meta span { overflow-wrap: anywhere; }
main { padding: 26px 0 40px; }
h2 { font-size: 20px; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 24px 0 8px; }
section, article { margin: 0 0 22px; }
/* A report of hundreds of models opens at once: what is not in view is laid out when it comes near. */
article { content-visibility: auto; contain-intrinsic-size: auto 1400px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; }
.section-title { margin: 30px 0 12px; }
main section:first-child .section-title { margin-top: 0; }
article .scroll { margin-top: 22px; }
.path:last-child { margin-bottom: 0; }
.scroll { overflow-x: auto; }
.graph { overflow: auto; max-height: 80vh; background: #ffffff; border: 1px solid var(--line); border-radius: 8px; }
.graph svg { display: block; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: 15px; padding: 0 0 8px; }
th, td { text-align: left; vertical-align: top; padding: 8px 12px; min-width: 6em; overflow-wrap: break-word; border-bottom: 1px solid var(--line); }
thead th { background: var(--head); font-weight: 600; font-size: 13px; white-space: nowrap; }
tbody th { font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
.num { text-align: right; white-space: nowrap; }
td small { display: block; color: var(--soft); font-size: 13px; }
.model-name { overflow-wrap: anywhere; min-width: 9em; }
.badge { display: inline-block; border-radius: 999px; padding: 1px 11px; font-size: 13px; font-weight: 600; line-height: 1.65; background: var(--calm-wash); color: var(--ink); }
.badge.failed, .badge.no-verdict { background: var(--bad-wash); color: var(--bad); }
.badge.warned, .badge.inconclusive { background: var(--warn-wash); color: var(--warn); }
.badge.improved, .badge.passed { background: var(--good-wash); color: var(--good); }
.worse { color: var(--bad); font-weight: 600; } .better { color: var(--good); font-weight: 600; } .doubt { color: var(--warn); }
.problems { list-style: none; margin: 0; padding: 0; }
.problems li { border-left: 4px solid var(--line); padding: 2px 0 2px 14px; margin: 0 0 14px; overflow-wrap: anywhere; }
.problems li:last-child { margin-bottom: 0; }
.problems li.error { border-left-color: var(--bad); } .problems li.warning { border-left-color: var(--warn); }
.problems p { margin: 0; } .problems .now { color: var(--soft); }
.model-head { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: baseline; margin-bottom: 4px; }
.path { color: var(--soft); font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
.note { color: var(--soft); margin: 10px 0 0; font-size: 14px; overflow-wrap: anywhere; }
figure { margin: 16px 0 0; } figcaption { color: var(--soft); font-size: 14px; margin-bottom: 6px; }
figure svg { display: block; width: 100%; height: auto; max-width: 760px; overflow: visible; }
figure svg text { fill: var(--soft); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
figure svg .label { fill: var(--ink); font-size: 13px; }
figure svg .axis { stroke: var(--line); } figure svg .zero { stroke: var(--soft); stroke-dasharray: 3 3; } figure svg .limit { stroke: var(--bad); stroke-dasharray: 6 3; } figure svg .limit-text { fill: var(--bad); }
figure svg .base { fill: var(--base); stroke: var(--base); } figure svg .candidate { fill: var(--candidate); stroke: var(--candidate); }
figure svg .trend { fill: none; stroke: var(--base); stroke-width: 1.5; } figure svg rect { fill-opacity: 0.85; stroke: none; }
figure svg circle { fill-opacity: 0.55; stroke-opacity: 0.9; } figure svg .median { stroke-width: 2.5; }
figure svg .interval { stroke-width: 3; stroke: var(--ink); } figure svg .estimate { fill: var(--ink); stroke: none; fill-opacity: 1; }
details { margin-top: 18px; } summary { cursor: pointer; font-weight: 600; font-size: 15px; }
details > .scroll { margin-top: 10px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 5px 22px; margin: 0; font-size: 14.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: 14px; padding: 0 0 40px; }
@media (max-width: 560px) {
  .card { padding: 16px; } .wrap { padding: 0 12px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
  th, td { padding: 7px 8px; }
  /* The drawing is shrunk to less than half: its text must not be. */
  figure svg text { font-size: 21px; } figure svg .label { font-size: 18px; }
}
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --head: #eee; --accent: #003a75; --base: #555; --candidate: #003a75; --bad: #9a1a12; --bad-wash: #fff; --warn: #5c3d00; --warn-wash: #fff; --good: #0f4d23; --good-wash: #fff; --calm-wash: #fff; }
  body { font-size: 11pt; } .card { border-radius: 0; padding: 10px 12px; } .badge { border: 1px solid currentColor; }
  article { content-visibility: visible; } article, figure, tr, li { break-inside: avoid; } .scroll { overflow: visible; } .skip { display: none; }
}
`;
