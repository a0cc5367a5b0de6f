// The gateway's own look at what an agent says it will do (§3): it raises the risk that the agent names, and never lowers it.
// It lets nothing through and stops nothing: what an agent hides from it is asked about all the same.
import type { JsonValue } from '../../ground/strict-json.ts'

const LEVELS = ['low', 'medium', 'high', 'critical'] as const
export type Risk = (typeof LEVELS)[number]

interface Family {
  readonly risk: Risk
  readonly pattern: RegExp
}

/** §7's families. Every gap that a pattern crosses is bounded, so that no text makes one slow. */
const ofTexts: readonly Family[] = [
  { risk: 'high', pattern: /\b(?:rm|rmdir|unlink|shred|del|erase|remove-item)\b|\s-delete\b/ },
  { risk: 'critical', pattern: /\b(?:mkfs|fdisk|parted|wipefs|diskpart|umount|mount)\b|\bof=\/dev\/|\bformat [a-z]:/ },
  { risk: 'high', pattern: /\b(?:npm|yarn|pnpm|cargo) publish\b|\btwine upload\b|\b(?:gem|docker) push\b/ },
  { risk: 'high', pattern: /\bpush\b[^;|&\n]{0,200}(?:\s--force|\s-f\b|\s\+|\s--delete|\s:)|\breset --hard\b/ },
  { risk: 'high', pattern: /\b(?:drop|truncate)\b|\b(?:delete from|update)\b(?![^;]{0,1000}\bwhere\b)/ },
  { risk: 'high', pattern: /\b(?:sudo|chmod|chown|passwd|useradd|usermod|userdel|visudo)\b/ },
  { risk: 'critical', pattern: /clawgate|claviger|openclaw\.json/ },
]
/** What a tool or an action is called: words of it, in whatever case and with whatever stands between. */
const ofNames: Family = {
  risk: 'high',
  pattern: /(?:^|[^a-z])(?:send|mail|email|message|purchase|pay|payment|buy|deploy|publish|delete|remove)(?:$|[^a-z])/,
}

/** The higher of the risk that was named and the one that is seen. `context`: all that the agent gave. */
export function raisedRisk(named: Risk, action: string, context: JsonValue): Risk {
  const texts = [action, ...textsIn(context)].map((text) => text.toLowerCase())
  const seen = ofTexts.filter(({ pattern }) => texts.some((text) => pattern.test(text))).map(({ risk }) => risk)
  const tool = (context as { readonly tool?: unknown } | null)?.tool
  const names = [action, typeof tool === 'string' ? tool : ''].map(inWords)
  if (names.some((name) => ofNames.pattern.test(name))) seen.push(ofNames.risk)
  return [named, ...seen].reduce((one, other) => (LEVELS.indexOf(other) > LEVELS.indexOf(one) ? other : one))
}

/** `sendEmail` is two words. */
const inWords = (name: string) => name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()

/** Words that stand in a list, as `["rm", "-rf"]`, are one text. */
function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  if (!Array.isArray(value)) return Object.values(value).flatMap((one) => textsIn(one as JsonValue))
  const words = value.filter((one) => typeof one === 'string')
  return [words.join(' '), ...value.filter((one) => typeof one !== 'string').flatMap(textsIn)]
}
