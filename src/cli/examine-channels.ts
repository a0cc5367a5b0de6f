// What `claviger doctor` says of the ways to reach people.
import type { ChannelsStanding } from '../approvals/channels/contract.ts'
import type { Finding } from './finding.ts'

/** A messenger that is down is a fault of its own: what must be asked waits in the list all the same. */
export function channelFindings({ count, people, failing, foreign }: ChannelsStanding): Finding[] {
  const about = 'channels'
  if (people === 0) {
    const says =
      count === 0 ? 'none: nobody is told when something must be approved' : `${count}, and they reach nobody`
    const hint = '`claviger pending` lists what waits; `claviger channel add telegram | push | email` tells people.'
    return [{ state: 'note', about, says, hint }]
  }
  const findings: Finding[] = []
  if (failing.length > 0) {
    const hint = '`claviger channel list` says since when and why; it is tried again by itself.'
    findings.push({ state: 'note', about, says: `nothing gets through: ${failing.join(', ')}`, hint })
  }
  if (foreign > 0) {
    const hint = 'Give each gateway a bot of its own: each takes messages that are meant for the other.'
    findings.push({ state: 'note', about, says: `${foreign} taps were meant for another gateway`, hint })
  }
  return findings.length > 0 ? findings : [{ state: 'ok', about, says: `${count}, for ${people}` }]
}
