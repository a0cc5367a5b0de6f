// What text looks like a secret: the rules of secretlint, loaded when a command wants them. They run here, on this machine.
import type { lintSource as LintSource } from '@secretlint/core'
import { holdsPlaceholder } from '../../ground/placeholder-shape.ts'

type Config = Parameters<typeof LintSource>[0]['options']['config']

/** Something that a rule knew. `at` and `value` are where and what; a rule that names no value marks a span. */
export interface Detected {
  /** Such as `github/GITHUB_TOKEN`. */
  readonly rule: string
  readonly service: string | undefined
  readonly at: number
  readonly value: string
}

/** Rules whose family is the service; those of others (basic authentication, databases, private keys) name none. */
const serviceOfRule: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...[
      'github',
      'gitlab',
      'openai',
      'anthropic',
      'slack',
      'stripe',
      'sendgrid',
      'npm',
      'groq',
      'huggingface',
      'linear',
    ],
    ...['notion', 'shopify', 'grafana', 'vercel', 'databricks', 'docker', 'figma', 'cloudflare', 'tailscale', 'aws'],
  ].map((name) => [name, name]),
)

export type Detect = (text: string, path: string) => Promise<readonly Detected[]>

/** Loads the rules once: some 20 ms. */
export async function loadDetector(): Promise<Detect> {
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ])
  const config: Config = { rules: [{ id: 'recommend', rule: creator }] }
  return async (text, path) => {
    const source = { content: text, filePath: path, ext: '', contentType: 'text' as const }
    const { messages } = await lintSource({ source, options: { config, noPhysicFilePath: true } })
    const found = messages.filter(({ type }) => type === 'message')
    return found.flatMap(({ ruleId, messageId, range, data }) => {
      const family = ruleId.replace(/^.*secretlint-rule-/, '')
      const [at, value] = spanOf(text, range, data)
      // Made to look like a secret, and none.
      if (holdsPlaceholder(value)) return []
      return [{ rule: `${family}/${messageId}`, service: serviceOfRule[family], at, value }]
    })
  }
}

/** Some rules mark the name before the value with the value's length: the value itself is in their data. */
function spanOf(text: string, [start, end]: readonly [number, number], data: unknown): [at: number, value: string] {
  const named = Object.values((data ?? {}) as Record<string, unknown>).filter(
    (value): value is string => typeof value === 'string' && value.length >= 8,
  )
  for (const value of named) {
    const at = text.indexOf(value, start)
    if (at >= start && at <= end) return [at, value]
  }
  return [start, text.slice(start, end)]
}
