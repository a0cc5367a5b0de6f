// Which service a secret is for, by the names around it: the nearest known service name on its path, else `unknown`.
// (CL-32: the last word of a path, `token`, is no provider.)

export const UNKNOWN = 'unknown'

/** Service name → other words for it. Two words in one name (`hugging_face`) are tried joined. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  airtable: [],
  anthropic: ['claude'],
  asana: [],
  atlassian: ['jira', 'confluence'],
  aws: ['amazon'],
  azure: [],
  brave: [],
  cerebras: [],
  cloudflare: ['cf'],
  cohere: [],
  databricks: [],
  datadog: ['dd'],
  deepgram: [],
  deepseek: [],
  digitalocean: ['do'],
  discord: ['discordapp'],
  docker: ['dockerhub'],
  dropbox: [],
  elevenlabs: ['xi'],
  exa: [],
  figma: [],
  firecrawl: [],
  fireworks: [],
  gemini: ['googleai', 'generativelanguage'],
  github: ['gh'],
  gitlab: [],
  google: ['googleapis', 'gcp'],
  grafana: [],
  groq: [],
  heroku: [],
  hetzner: ['hcloud'],
  hubspot: [],
  huggingface: ['hf'],
  linear: [],
  mailgun: [],
  mailchimp: [],
  mistral: [],
  moltbook: [],
  netlify: [],
  notion: [],
  npm: ['npmjs'],
  openai: [],
  openrouter: [],
  pagerduty: [],
  paypal: [],
  perplexity: ['pplx'],
  pinecone: [],
  posthog: [],
  postmark: [],
  pypi: [],
  replicate: [],
  resend: [],
  sendgrid: [],
  sentry: [],
  shopify: [],
  slack: [],
  spotify: [],
  square: [],
  stripe: [],
  supabase: [],
  tailscale: [],
  tavily: [],
  telegram: [],
  together: ['togetherai'],
  twilio: [],
  twitter: [],
  vercel: [],
  voyage: ['voyageai'],
  xai: ['grok'],
  zoom: [],
}

/** Too short, or too common as words, to be looked for anywhere but at the beginning of a name. */
const onlyFirst = new Set([
  'x',
  'do',
  'dd',
  'cf',
  'xi',
  'gh',
  'hf',
  'square',
  'linear',
  'together',
  'notion',
  'exa',
  'brave',
  'npm',
])

const byWord = new Map([
  ...Object.entries(aliases).flatMap(([name, words]) => [name, ...words].map((word) => [word, name] as const)),
  ['x', 'twitter'] as const,
])

/**
 * The service that the path's names speak of: its last name is asked first, then the one around it, and so on. `more` are
 * further names, such as those of the services that are there; a name of these goes before ours.
 */
export function nearestService(path: readonly string[], more: ReadonlySet<string> = new Set()): string {
  for (const name of [...path].reverse()) {
    const words = wordsOf(name)
    const found = phrases(words).find(
      ({ text, first }) => more.has(text) || (byWord.has(text) && (first || !onlyFirst.has(text))),
    )
    if (found !== undefined) return more.has(found.text) ? found.text : byWord.get(found.text)!
  }
  return UNKNOWN
}

export function isCommonWord(name: string): boolean {
  return onlyFirst.has(name)
}

/** `OPENAI_API_KEY`, `openAiKey`, `api.github.com` as lower-case words. */
export function wordsOf(name: string): string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
  return spaced
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

/** Three, two, then single words side by side, as one and with the signs that names have between them. */
function phrases(words: readonly string[]): { text: string; first: boolean }[] {
  return [3, 2, 1].flatMap((length) =>
    words.slice(0, Math.max(0, words.length - length + 1)).flatMap((_, at) => {
      const some = words.slice(at, at + length)
      return [...new Set(['', '-', '_', '.'].map((sign) => some.join(sign)))].map((text) => ({ text, first: at === 0 }))
    }),
  )
}
