export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** The level that `LOG_LEVEL` or `DEBUG` ask for in the words of other programs; undefined if they ask for none. */
export function logLevelOf(env: Readonly<Record<string, string | undefined>>): LogLevel | undefined {
  const words: Record<string, LogLevel> = { warning: 'warn', verbose: 'debug', off: 'silent', none: 'silent' }
  const asked = env.LOG_LEVEL?.trim().toLowerCase() ?? ''
  const level = logLevels.find((known) => known === (words[asked] ?? asked))
  if (level !== undefined) return level
  const wanted = (env.DEBUG ?? '').split(/[\s,]+/)
  return wanted.some((name) => name === '*' || /^claviger(:.*)?\*?$/.test(name)) ? 'debug' : undefined
}
