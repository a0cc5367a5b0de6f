// What the commands that agents run take from the SDK: it is loaded when it is wanted, and its errors become our problems.
import type { AgentClient } from '../../sdk/src/agent/agent-client.ts'
import type { Signer } from '../../sdk/src/signer.ts'
import { Problem } from '../ground/problem.ts'
import { connectionProblem } from './client.ts'
import { cliProblem } from './problems.ts'
import type { Invocation } from './verb.ts'

export const keyOption = {
  flags: '--key <file>',
  about: 'the private key, as `claviger agent keygen` made it; or CLAVIGER_AGENT_KEY_FILE',
}
export const agentOption = { flags: '--agent <id>', about: 'the agent’s id; or CLAVIGER_AGENT' }
export const issuerOption = {
  flags: '--issuer <url>',
  about: 'the gateway’s issuer, where it is not its address: no proof is made for another',
}

/** Hints of the SDK and of the API are for programs; these are for whoever types commands. */
const hints: Readonly<Record<string, string>> = {
  proof_refused:
    'The id, the key, or both are not right here: `claviger agent key list NAME` (operator) shows the keys of an agent, `claviger agent list` its id.',
  key_file_invalid: 'Name the file that `claviger agent keygen FILE` made, for you alone to read (chmod 600 FILE).',
  file_unwritable: 'Name a file in a folder that is there and that you may write to.',
  issuer_mismatch: 'If that is right, say so: --issuer URL',
}

/** Does `work`; a ClavigerError of it is thrown as Problem. `place` is where the gateway should answer. */
export async function bySdk<T>(work: () => Promise<T>, place = 'the gateway'): Promise<T> {
  const { ClavigerError } = await import('../../sdk/src/claviger-error.ts')
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error
    const { code, status = 400, detail, requestId } = error
    const hint = error.code === 'key_file_invalid' ? (error.hint ?? hints[code]) : (hints[code] ?? error.hint)
    if (code === 'gateway_unreachable') {
      const { cause } = (error.cause ?? {}) as { cause?: { code?: string } }
      if (cause?.code !== undefined) throw connectionProblem(cause, place)
      throw cliProblem('gateway_not_running', { detail: `No answer comes from ${place}.`, cause: error })
    }
    const title = detail === undefined ? error.message : error.message.slice(0, -(detail.length + 2))
    const said = { ...(detail !== undefined && { detail }), ...(hint !== undefined && { hint }) }
    throw new Problem(
      code,
      { status, title },
      { ...said, ...(requestId && { facts: { request: requestId } }), cause: error },
    )
  }
}

export function keyFileOf({ options, terminal }: Invocation): string {
  const path = options.key ?? terminal.env.CLAVIGER_AGENT_KEY_FILE
  if (path) return path
  throw cliProblem('usage', { detail: 'Which key? Name its file with --key, or set CLAVIGER_AGENT_KEY_FILE.' })
}

/** The address of the gateway, and the issuer if it is known beforehand. */
export function gatewayOf(invocation: Invocation): { baseUrl: string; issuer?: string } {
  const { options, terminal } = invocation
  const baseUrl = invocation.agentUrl()
  // On the gateway's own machine its settings say who it is; elsewhere the address does, or the user.
  const issuer = options.issuer ?? (terminal.env.CLAVIGER_URL ? undefined : invocation.settings().publicUrl)
  return issuer === undefined ? { baseUrl } : { baseUrl, issuer }
}

/** The agent that is meant, signing in with this key. */
export async function agentWith(
  invocation: Invocation,
  signer: Signer,
  more: { readonly audience?: string; readonly scope?: string } = {},
): Promise<AgentClient> {
  const { AgentClient } = await import('../../sdk/src/agent/agent-client.ts')
  const agentId = invocation.options.agent ?? invocation.terminal.env.CLAVIGER_AGENT
  if (!agentId) throw cliProblem('usage', { detail: 'Which agent? Give its id with --agent, or set CLAVIGER_AGENT.' })
  if (!agentId.startsWith('agent_')) {
    throw cliProblem('usage', { detail: '--agent: the id is wanted (agent_…), not the name; `register` printed it.' })
  }
  return new AgentClient({ ...gatewayOf(invocation), agentId, signer, ...more })
}
