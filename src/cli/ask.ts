import type { Command } from 'commander'
import type { AnsweredApproval, Approval, ApprovalRequest } from '../../sdk/src/agent/approvals.ts'
import { problemsOf } from '../ground/problem.ts'
import { bySdk } from './by-sdk.ts'
import { jsonGiven } from './json-file.ts'
import { type NewFile, openNewFile } from './new-file.ts'
import { cliProblem } from './problems.ts'
import { facts } from './render.ts'
import { say } from './terminal.ts'
import { agentToken } from './tokens.ts'
import { seconds } from './values.ts'
import { addVerb, type Invocation, type Options, type Session } from './verb.ts'

const askProblem = problemsOf({
  asked_denied: { status: 403, title: 'Somebody said no', hint: 'Do not do it; asking the same again does not help.' },
  asked_not_given: { status: 403, title: 'Nobody said yes', hint: 'Do not do it; ask anew if it is still wanted.' },
  asked_unanswered: {
    status: 403,
    title: 'Nobody answered yet',
    hint: 'Do not do it. Ask again with the same --idempotency-key and a longer --wait.',
  },
})

/** `claviger ask <action>`: a human's yes to what the caller is about to do itself. */
export function askCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'ask <action>',
    summary:
      'ask a human about something that you do yourself, as an agent (CLAVIGER_TOKEN); ends with 0 for a yes alone',
    options: [
      { flags: '--context <json>', about: 'an object with what it is about: tool, parameters …; or a file, or -' },
      { flags: '--payload <json>', about: 'an object that its doer compares; or a file' },
      { flags: '--payload-hash <hex>', about: 'the SHA-256 of it instead, which people cannot look into' },
      { flags: '--description <text>', about: 'your own words' },
      { flags: '--risk <risk>', about: 'low, medium, high or critical; high unless said' },
      {
        flags: '--assurance <assurance>',
        about: 'tap, push, passkey or two-people, if more is wanted than the gateway wants',
      },
      { flags: '--life <time>', about: 'how long it waits for an answer, 15m unless said' },
      { flags: '--wait <time>', about: 'how long this command waits; as long as it lives unless said' },
      {
        flags: '--idempotency-key <key>',
        about: 'one for each thing to be done: asked again with it nobody is asked twice',
      },
      { flags: '--out <file>', about: 'put the receipt into this new file, not on stdout' },
    ],
    examples: [
      `claviger ask shell.exec --context '{"tool":"exec","params":{"command":"make deploy"}}' --out yes.jws && make deploy`,
    ],
    async run(invocation) {
      const { args, options } = invocation
      if (agentToken(invocation.terminal) === undefined) throw cliProblem('agent_token_missing')
      const request = { action: args[0] ?? '', ...(await said(invocation)) }
      const wait = options.wait === undefined ? {} : { timeoutMs: seconds(options.wait, '--wait', DAY) * 1_000 }
      const file = options.out === undefined ? undefined : openNewFile(options.out)
      const found = await answered(invocation, request, wait).catch(file?.drop ?? thrown)
      return result(found, file)
    },
  })
}

const DAY = { most: '1d' }

const thrown = (error: unknown): never => {
  throw error
}

async function said({ options, terminal }: Invocation): Promise<Omit<ApprovalRequest, 'action'>> {
  const { context, payload, life } = options
  return {
    ...(context !== undefined && { context: await jsonGiven(context, terminal) }),
    ...(payload !== undefined && { payload: await jsonGiven(payload, terminal) }),
    ...(life !== undefined && { lifeSeconds: seconds(life, '--life', { least: '30s', ...DAY }) }),
    ...pick(options, ['payloadHash', 'description', 'risk', 'assurance', 'idempotencyKey']),
  }
}

function pick(options: Options, names: readonly string[]): Partial<ApprovalRequest> {
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])))
}

/** Throws the Problem of whatever is no yes. */
async function answered(
  { terminal, agentUrl }: Invocation,
  request: ApprovalRequest,
  wait: { readonly timeoutMs?: number },
): Promise<AnsweredApproval> {
  const { TokenClient } = await import('../../sdk/src/agent/token-client.ts')
  const { hasCode } = await import('../../sdk/src/claviger-error.ts')
  const found = await bySdk(async () => {
    const agent = new TokenClient({ baseUrl: agentUrl(), token: agentToken(terminal) ?? '' })
    const { id, assurance, expiresAt } = await agent.requestApproval(request)
    say(terminal, `${id} waits for ${assurance} until ${expiresAt}`)
    return agent.waitForVerdict(id, wait).catch((error: unknown) => {
      if (hasCode(error, 'verdict_timeout')) throw askProblem('asked_unanswered', { facts: { approval: id } })
      throw error
    })
  }, agentUrl())
  refuseNo(found)
  return found
}

function refuseNo({ id, status, decidedBy, reason }: Approval): void {
  if (status === 'approved') return
  const facts = { approval: id, status }
  if (status !== 'denied') throw askProblem('asked_not_given', { facts })
  throw askProblem('asked_denied', {
    detail: `By ${decidedBy ?? 'an operator'}: ${reason ?? 'no reason given'}`,
    facts,
  })
}

function result(found: AnsweredApproval, file: NewFile | undefined) {
  const { id, status, decidedBy, expiresAt, receipt = '' } = found
  file?.write(`${receipt}\n`)
  const text = file === undefined ? receipt : facts({ id, status, decidedBy, goodUntil: expiresAt })
  return { json: { ...found }, text }
}
