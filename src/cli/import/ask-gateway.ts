// Asking the gateway what it has. A dry run does without the answer, and then says that it had to.
import { Problem } from '../../ground/problem.ts'
import type { GatewayClient } from '../client.ts'
import type { Invocation } from '../verb.ts'

/** Why the gateway could not be asked. */
export type Unasked = 'gateway_not_running' | 'operator_token_missing'

export interface Asked<Learnt> {
  readonly learnt: Learnt
  /** Present where `learnt` is what can be known without a gateway. */
  readonly unasked?: Unasked
}

const absences: ReadonlySet<string> = new Set<Unasked>(['gateway_not_running', 'operator_token_missing'])

/** What `look` learns at the gateway. A dry run does without one, and goes by `otherwise`: it cannot say what is there already. */
export async function askGateway<Learnt>(
  invocation: Invocation,
  write: boolean,
  look: (client: GatewayClient, home: string) => Promise<Learnt>,
  otherwise: () => Learnt | Promise<Learnt>,
): Promise<Asked<Learnt>> {
  try {
    return { learnt: await look(invocation.operator(), invocation.settings().home) }
  } catch (error) {
    if (write || !(error instanceof Problem) || !absences.has(error.code)) throw error
    return { learnt: await otherwise(), unasked: error.code as Unasked }
  }
}

/** For programs: the member of an answer that says it. */
export function unaskedMember(unasked: Unasked | undefined): { gateway?: string } {
  if (unasked === undefined) return {}
  return { gateway: unasked === 'gateway_not_running' ? 'not running' : 'no operator token' }
}

/** For people. */
export function unaskedLines(unasked: Unasked | undefined): string[] {
  if (unasked === undefined) return []
  const why =
    unasked === 'gateway_not_running'
      ? 'The gateway is not running'
      : 'There is no operator token (CLAVIGER_OPERATOR_TOKEN, CLAVIGER_OPERATOR_TOKEN_FILE)'
  return [`${why}, so the vault could not be asked what it holds already: some of this may be there.`]
}
