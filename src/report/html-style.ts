import { cssVariables, DARK, LIGHT } from './palette.js';

const EDGES = Object.keys(LIGHT)
  .filter((name) => /^(?:open|dp)-\d$/.test(name))
  .map((name) => `.edge-${name}{--edge:var(--${name})}`)
  .join('');

/**
 * The page's one style sheet. System fonts, no network; light and dark by preference; on paper always light,
 * with every table of numbers unfolded.
 */
export const STYLE = `
:root{color-scheme:light dark;${cssVariables(LIGHT)}
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,"Liberation Serif",serif}
@media (prefers-color-scheme:dark){:root{${cssVariables(DARK)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 var(--sans);text-rendering:optimizeLegibility}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
.vh,.skip:not(:focus){position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{position:absolute;left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:1}
.wrap{max-width:1120px;margin:0 auto;padding:0 28px}
header.top{padding:56px 0 30px}
.kicker{margin:0 0 10px;color:var(--accent);font-size:.8rem;font-weight:700;letter-spacing:.09em;text-transform:uppercase}
h1{margin:0 0 14px;font:600 clamp(1.9rem,4.6vw,2.9rem)/1.12 var(--serif);letter-spacing:-.012em;text-wrap:balance}
h2{margin:0 0 6px;font:600 1.6rem/1.25 var(--serif);letter-spacing:-.006em}
h3{margin:0;font-size:1.02rem;line-height:1.35;font-weight:650}
p{margin:0 0 .8em;max-width:72ch}
.lead{font-size:1.14rem;line-height:1.55;color:var(--ink);max-width:66ch}
.quiet{color:var(--muted)}
.small{font-size:.875rem}
.meta{display:flex;flex-wrap:wrap;gap:4px 22px;margin:22px 0 0;padding:0;list-style:none;color:var(--muted);font-size:.9rem}
.meta b{color:var(--ink);font-weight:600}
nav.toc{border-block:1px solid var(--hairline);font-size:.92rem}
nav.toc ol{display:flex;flex-wrap:wrap;gap:2px 26px;margin:0;padding:11px 0;list-style:none}
nav.toc a{display:inline-block;padding:3px 0;color:var(--ink);text-decoration:none}
nav.toc a:hover{color:var(--accent);text-decoration:underline;text-underline-offset:4px}
main>section{padding:44px 0 6px}
.section-head{margin-bottom:22px}
.group{margin:26px 0 12px;color:var(--muted);font-size:.95rem;font-weight:600}
.group:first-of-type{margin-top:0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:18px}
.card,figure,.panel{background:var(--card);border:1px solid var(--hairline);border-radius:12px}
.card{padding:20px 22px 22px;border-top:4px solid var(--edge,var(--hairline))}
${EDGES}
.card header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:6px 12px;margin-bottom:16px}
.card .figures{display:grid;grid-template-columns:1.25fr 1fr;gap:14px;margin:0}
.card dl{margin:0}
.card dt{color:var(--muted);font-size:.82rem}
.card dd{margin:0}
.big{font:600 2.15rem/1.1 var(--serif);font-variant-numeric:tabular-nums lining-nums;letter-spacing:-.01em;white-space:nowrap}
.under{color:var(--muted);font-size:.84rem;line-height:1.4;margin-top:3px}
.card .attack{margin-top:18px;padding-top:14px;border-top:1px solid var(--hairline)}
.card .attack p{margin:.5em 0 0;font-size:.93rem}
.card .attack .badges{display:flex;flex-wrap:wrap;gap:6px}
.card .foot{margin:14px 0 0;color:var(--muted);font-size:.84rem}
.card{display:flex;flex-direction:column}
.card .foot{margin-top:auto;padding-top:14px}
.card header h3{display:flex;align-items:center;gap:10px}
.card header svg{flex:none}
.badge{display:inline-flex;align-items:center;gap:.42em;padding:2px 10px 2px 8px;border-radius:99px;font-size:.8rem;font-weight:650;line-height:1.5;white-space:nowrap;border:1px solid currentColor}
.badge.good{color:var(--good);background:var(--good-soft)}
.badge.bad{color:var(--bad);background:var(--bad-soft)}
.badge.unsure{color:var(--unsure);background:var(--unsure-soft)}
.badge.plain{color:var(--muted);background:var(--sunken)}
.badge.private-value{color:var(--private);background:var(--private-soft);white-space:normal;border-radius:8px}
.panel{padding:22px 24px;margin:0 0 18px}
.panel>:last-child{margin-bottom:0}
.panel h3{margin:0 0 12px}
.panel p+h3,.panel ul+h3{margin-top:20px}
.panel .scroll+p,.panel .facts+p{margin-top:14px}
.panel ul{margin:0 0 .8em;padding-left:1.2em;max-width:78ch}
.panel li{margin-bottom:.3em}
.promise{margin:0 0 18px;padding:2px 0 2px 20px;border-left:4px solid var(--dp-1);font:400 1.28rem/1.45 var(--serif);max-width:60ch}
.promise.smaller{font-size:1.08rem;margin-bottom:22px}
.panel .promise+.scroll{margin-top:6px}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:18px}
figure{margin:0 0 18px;padding:20px 22px 14px;min-width:0;break-inside:avoid}
.grid{margin-bottom:18px}
.grid figure{margin:0}
.grid figure:last-child:nth-child(odd){grid-column:1/-1}
figcaption{margin-bottom:10px}
figcaption .top{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:6px 14px}
figcaption p{margin:5px 0 0;color:var(--muted);font-size:.9rem;max-width:78ch}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:12px 0 0;padding:0;list-style:none;font-size:.88rem}
.legend li{display:flex;align-items:center;gap:8px}
.legend svg{flex:none}
.plot{display:block;width:100%;max-width:1000px;height:auto;margin:0 auto;font-family:var(--sans);overflow:visible;color:var(--ink)}
.plot text,.plot tspan{white-space:pre}
.drawing.narrow{display:none}
details{margin-top:8px;font-size:.9rem}
summary{display:inline-block;cursor:pointer;padding:4px 0;color:var(--accent);font-weight:600}
summary::before{content:"+";display:inline-block;width:1.1em;font-weight:700}
details[open] summary::before{content:"−"}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums lining-nums}
caption{padding:0 0 10px;text-align:left;color:var(--muted);font-size:.88rem;caption-side:top}
th,td{padding:9px 14px 9px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--hairline)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--muted);font-size:.82rem;font-weight:600;line-height:1.35;vertical-align:bottom}
tbody th{font-weight:600;min-width:9.5em}
td.n,th.n{text-align:right}
.under{white-space:normal}
td .under,th .under{font-weight:400}
details table{margin-top:4px;font-size:.86rem}
details th,details td{padding-block:5px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:2px 34px;margin:0}
.facts div{display:flex;justify-content:space-between;gap:16px;padding:8px 0;border-bottom:1px solid var(--hairline);font-size:.92rem}
.facts dt{color:var(--muted)}
.facts dd{margin:0;text-align:right;overflow-wrap:anywhere}
ul.limits{margin:0;padding:0;list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:12px 38px}
ul.limits li{padding-left:18px;border-left:3px solid var(--hairline);font-size:.96rem}
footer{margin-top:46px;padding:22px 0 54px;border-top:1px solid var(--hairline);color:var(--muted);font-size:.875rem}
@media screen and (max-width:620px){
body{font-size:15.5px}.wrap{padding:0 16px}header.top{padding:34px 0 22px}main>section{padding-top:34px}
.drawing.wide{display:none}.drawing.narrow{display:block}
figure,.panel,.card{padding:16px 15px 13px;border-radius:10px}nav.toc ol{gap:0 20px}
.big{font-size:1.9rem}.promise{font-size:1.14rem;padding-left:14px}tbody th{min-width:0}
}
@media screen and (max-width:860px){
table.stack,table.stack tbody,table.stack tr,table.stack th,table.stack td{display:block}
table.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table.stack caption{display:block}
table.stack tr{padding:10px 0;border-bottom:1px solid var(--hairline)}
table.stack th,table.stack td,table.stack td.n{display:flex;justify-content:space-between;gap:18px;padding:3px 0;border:0;text-align:right}
table.stack th{display:block;text-align:left;padding-bottom:5px}
table.stack td::before{content:attr(data-label);color:var(--muted);text-align:left;flex:0 1 46%}
}
@media print{
:root{color-scheme:light;${cssVariables({ ...LIGHT, page: '#ffffff' })}}
@page{margin:15mm 14mm}
body{font-size:9.5pt;background:#fff}h1{font-size:22pt}h2{font-size:15pt}.lead{font-size:11pt}
.wrap{max-width:none;padding:0}
header.top{padding:0 0 14px}nav.toc,.skip,summary,script{display:none}
main>section{padding:22px 0 0}
.card,figure{break-inside:avoid}
.card,figure,.panel{border-color:#cfccc2;border-radius:6px}
.section-head{break-after:avoid;margin-bottom:12px}.promise{font-size:13pt;break-inside:avoid}
figure,.panel,.card{padding:12px 14px}
.big{font-size:19pt}th,td{padding:5px 10px 5px 0}figure .plot{max-height:105mm}
h2,h3,.group,caption{break-after:avoid}tr{break-inside:avoid}
.cards{grid-template-columns:1fr 1fr}.grid{grid-template-columns:1fr 1fr}
details::details-content{display:block;content-visibility:visible;block-size:auto;opacity:1}
details{font-size:8pt;margin:0}details th,details td{padding-block:2px}
thead th{font-size:7.5pt}tbody th{min-width:7em}.scroll{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`.trim();
