// `claviger audit verify --unsealed`: the running gateway checks its own log, with the keys of the open vault.
import { setTimeout as sleep } from 'node:timers/promises'
import type { NamedNote } from '../audit/verify.ts'
import { Problem } from '../ground/problem.ts'
import { verdict } from './audit-verdict.ts'
import type { GatewayClient } from './client.ts'
import { exitCode } from './exit-codes.ts'
import { cliProblem } from './problems.ts'
import type { Invocation, Result } from './verb.ts'

const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000

/** Waits until the check has ended. Throws `usage` for options that name another log than the gateway's. */
export async function verifyUnsealed(
  { options, operator }: Invocation,
  notes: readonly NamedNote[],
  vkey: string | undefined,
): Promise<Result> {
  for (const name of ['dir', 'node', 'proof']) {
    if (options[name] !== undefined)
      throw cliProblem('usage', { detail: `--unsealed is about the log of the running gateway: leave --${name} out.` })
  }
  try {
    return await checked(operator(), { notes, ...(vkey !== undefined && { vkey }), full: options.full === true })
  } catch (error) {
    // 1 would say that tampering is proven.
    if (error instanceof Problem && error.code === 'vault_sealed') return undecided(error.title)
    throw error
  }
}

interface Asked {
  readonly notes: readonly NamedNote[]
  readonly vkey?: string
  readonly full: boolean
}

async function checked(client: GatewayClient, body: Asked): Promise<Result> {
  let view = await client.ask({ method: 'POST', path: '/audit/verification', body })
  for (let pause = FIRST_PAUSE_MS; view.state === 'running'; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    await sleep(pause)
    view = await client.ask({ method: 'GET', path: '/audit/verification' })
  }
  if (view.state !== 'done') return undecided(view.why)
  return { json: view.report, text: verdict(view.report, body.notes.length), code: view.report.exit }
}

function undecided(why: string): Result {
  return { json: { exit: 2, undecided: [why] }, text: `this cannot be decided: ${why}`, code: exitCode.undecided }
}
