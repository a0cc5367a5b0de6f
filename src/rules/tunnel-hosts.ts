// Rules about tunnels to hosts of no service, into which nobody looks: what they may say, and what is left of the others there.
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { type RuleDefinition, ruleProblem } from './contract.ts'

/** What can be told of a tunnel. */
const TOLD: ReadonlySet<string> = new Set(['hosts', 'agents', 'time', 'trust'])

/** The origins that a rule about tunnels names; undefined for every other. Throws Problem `rule_invalid`, `origin_invalid`. */
export function checkHosts({ effect, match, when, addresses }: RuleDefinition): readonly Origin[] | undefined {
  if (match.hosts === undefined) {
    if (addresses !== undefined) throw invalid('`addresses` belongs to a rule that allows tunnels.', 'addresses')
    return undefined
  }
  const other = Object.keys(match).find((member) => !TOLD.has(member))
  if (other !== undefined)
    throw invalid('Of a tunnel nothing but host, agent, time and trust is known.', `match.${other}`)
  if (when !== undefined) throw invalid('Conditions are about calls, not tunnels.', 'when')
  if (effect === 'ask') throw invalid('Nobody can be asked about what nobody looks into.', 'effect')
  if (effect === 'deny' && addresses !== undefined) throw invalid('A rule that denies leads nowhere.', 'addresses')
  return match.hosts.map((host) => parseOrigin(`https://${host}`, { wildcard: true }))
}

/** Whether a rule that names no host is about everything that an agent does, and so about tunnels too. */
export function isAboutAll({ match, when }: RuleDefinition): boolean {
  return when === undefined && Object.keys(match).every((member) => TOLD.has(member))
}

const invalid = (detail: string, member: string) => ruleProblem('rule_invalid', { detail, facts: { member } })
