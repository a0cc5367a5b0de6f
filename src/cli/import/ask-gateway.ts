import { Problem } from '../../ground/problem.ts'
import type { GatewayClient } from '../client.ts'
import type { Invocation } from '../verb.ts'

/** What `look` learns at the gateway. A dry run does without one, and goes by `otherwise`: it cannot say what is there already. */
export async function askGateway<Learnt>(
  invocation: Invocation,
  write: boolean,
  look: (client: GatewayClient, home: string) => Promise<Learnt>,
  otherwise: Learnt,
): Promise<Learnt> {
  try {
    return await look(invocation.operator(), invocation.settings().home)
  } catch (error) {
    const absent = error instanceof Problem && ['gateway_not_running', 'operator_token_missing'].includes(error.code)
    if (write || !absent) throw error
    return otherwise
  }
}
