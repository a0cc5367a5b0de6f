import type { OperatorId } from '../../ground/ids.ts'
import type { ChannelHealth } from './channel-health.ts'
import type { Channel, ChannelsStanding } from './contract.ts'

/** How all of them do, for whoever asks how the gateway does. */
export function standingOf(
  all: readonly Channel[],
  health: ChannelHealth,
  isOperator: (operator: OperatorId) => boolean,
): ChannelsStanding {
  return {
    count: all.length,
    people: all.reduce((sum, { people }) => sum + people.filter(({ operator }) => isOperator(operator)).length, 0),
    failing: all.filter(({ id }) => health.get(id).failingSince !== undefined).map(({ name }) => name),
    foreign: all.reduce((sum, { id }) => sum + health.get(id).foreign, 0),
  }
}
