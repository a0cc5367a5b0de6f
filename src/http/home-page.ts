export interface HomePageFacts {
  readonly version: string
  readonly state: string
  /** Names of the pages under `/docs/`. */
  readonly docs: readonly string[]
}

/** `GET /`: one static page without scripts that says what runs here and where to read on. Holds nothing about anyone. */
export function homePage({ version, state, docs }: HomePageFacts): string {
  const healthy = state === 'unsealed'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claviger</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; margin-bottom: 0 }
p.what { margin-top: .25rem; opacity: .75 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem }
dt { opacity: .75 } dd { margin: 0 }
code { font: .95em ui-monospace, monospace; overflow-wrap: anywhere }
.dot { display: inline-block; width: .6em; height: .6em; border-radius: 50%; background: ${healthy ? '#2e9d4f' : '#c77700'} }
</style>
</head>
<body>
<h1>Claviger</h1>
<p class="what">The gateway that carries the keys. Agents act; the credentials stay here.</p>
<dl>
<dt>Version</dt><dd>${escapeHtml(version)}</dd>
<dt>State</dt><dd><span class="dot" aria-hidden="true"></span> ${healthy ? 'ready' : escapeHtml(state)}</dd>
<dt>Health</dt><dd><a href="/health"><code>/health</code></a></dd>
<dt>Calls</dt><dd><code>/to/&lt;service&gt;/&lt;path&gt;</code> or <code>POST /claviger/v1/call</code></dd>
<dt>Operators</dt><dd><code>npx claviger status</code>, on this machine</dd>
</dl>
<p>Documentation: ${docs.map((page) => `<a href="/docs/${page}">${page}</a>`).join(' · ')}</p>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
