// One import from its beginning to what it says: ask, find, plan; and with --write store and replace.
import { systemClock } from '../../ground/clock.ts'
import type { GatewayClient } from '../client.ts'
import { type ExitCode, exitCode } from '../exit-codes.ts'
import { cliProblem } from '../problems.ts'
import { pairs } from '../values.ts'
import type { Invocation, OptionSpec, Result } from '../verb.ts'
import { type Around, aroundOf } from './around.ts'
import { type Asked, askGateway, unaskedLines } from './ask-gateway.ts'
import { carryOut, type Done, remaining } from './carry-out.ts'
import { type Detect, loadDetector } from './detect.ts'
import type { Findings } from './found.ts'
import { KnownSecrets } from './known-secrets.ts'
import { type Present, planImport, type Step } from './plan.ts'
import { askPresent, presentUnasked } from './present.ts'
import { variableOf } from './reference-variable.ts'
import { jsonOf, textOf } from './report.ts'
import { verifierOf } from './verify.ts'

export const importOptions: readonly OptionSpec[] = [
  { flags: '--write', about: 'store the secrets and put references in their place; without it nothing is touched' },
  {
    flags: '--verify',
    about: 'with --write: ask each service, through the gateway, whose the secret is; one it refuses stays',
  },
  {
    flags: '--service <place=name>',
    about: 'the service of a secret, by its place or by the service that was found; may be repeated',
    many: true,
  },
]

/** What an importer brings: where it looks, and what else is to be said when it has written. */
export interface Importer {
  readonly what: string
  find(detect: Detect, around: Around): Promise<Findings>
  /** Lines for people, after a write. */
  after?(done: Done): readonly string[]
}

export async function runImport(invocation: Invocation, importer: Importer): Promise<Result> {
  const { options } = invocation
  const writes = options.write === true
  if (options.verify === true && !writes)
    throw cliProblem('usage', { detail: '--verify wants --write: a secret is asked about out of the vault.' })
  const as = new Map(Object.entries(pairs(options.service ?? [], '--service')))
  const { learnt, unasked } = await ask(invocation, writes)
  const { present, known } = learnt
  const { found, remarks } = await importer.find(await loadDetector(), aroundOf(present, as.values()))
  refuseUnknownPlaces(as, { found, remarks })
  const plan = planImport(found, present, as)
  const left = remaining(plan)
  const worth = plan.some(({ action }) => action !== 'leave')
  if (!writes || !worth || known === undefined) {
    const next = worth ? ['Nothing was changed. The same with --write stores and replaces.'] : ['Nothing to do.']
    return result({ steps: plan, remarks: [...remarks, ...left], next: [...unaskedLines(unasked), ...next], unasked })
  }
  const done = await write(invocation, importer, plan, known)
  const next = [
    ...variables(done.steps),
    ...(importer.after?.(done) ?? []),
    `To take it back: claviger import undo ${done.journal}`,
  ]
  return result({ steps: done.steps, remarks: [...remarks, ...left, ...done.remarks], next, done })
}

/** A typing error would else leave the secret that was meant. What was imported before is a place still; an unread file may hold any. */
function refuseUnknownPlaces(as: ReadonlyMap<string, string>, { found, remarks }: Findings): void {
  if (remarks.some(({ failed }) => failed)) return
  const known = new Set([
    ...found.flatMap(({ place, service }) => [place, service]),
    ...remarks.map(({ place }) => place),
  ])
  const unknown = [...as.keys()].filter((place) => !known.has(place))
  if (unknown.length === 0) return
  throw cliProblem('usage', { detail: `--service: no secret was found at ${unknown.join(', ')}.` })
}

async function write(
  invocation: Invocation,
  { what }: Importer,
  plan: readonly Step[],
  known: KnownSecrets,
): Promise<Done> {
  const { home } = invocation.settings()
  const client = invocation.operator()
  const verifier = invocation.options.verify === true ? verifierOf(client) : undefined
  return carryOut(plan, { home, client, clock: systemClock, known, what, verifier })
}

interface Learnt {
  readonly present: Present
  readonly known?: KnownSecrets | undefined
}

function ask(invocation: Invocation, write: boolean): Promise<Asked<Learnt>> {
  const look = async (client: GatewayClient, home: string) => {
    let known: KnownSecrets | undefined
    const present = await askPresent(client, () => known)
    known = await KnownSecrets.open(home, client, write)
    return { present, known }
  }
  return askGateway<Learnt>(invocation, write, look, async () => ({ present: await presentUnasked() }))
}

/** What the readers of the files now want in their environment. Today that is the agent's token, for calls through the gateway. */
function variables(steps: readonly Step[]): string[] {
  const due = steps.filter(({ handle, places }) => handle !== undefined && places.some(({ byVariable }) => byVariable))
  if (due.length === 0) return []
  return [
    'Set in the environment of the program that reads them, to the Claviger token of its agent:',
    ...due.map(({ handle = '', service }) => `  ${variableOf(handle)}    for calls to /to/${service}`),
  ]
}

function result(told: Parameters<typeof textOf>[0]): Result {
  const code: ExitCode = told.remarks.some(({ failed }) => failed) ? exitCode.partly : exitCode.ok
  return { json: jsonOf(told), text: textOf(told), code }
}
