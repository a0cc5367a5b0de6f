import type { Command } from 'commander'
import type { ReceiptClaims, ReceiptVerdict } from '../approvals/receipts/contract.ts'
import { faultOf, keysOfSet, type ReceiptKey, readReceipt } from '../approvals/receipts/read-receipt.ts'
import { problemsOf } from '../ground/problem.ts'
import { agentClient } from './client.ts'
import { pathOf } from './path-of.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { readGivenFile } from './text-file.ts'
import { addVerb, type Invocation, type Options, type Session, type Verb } from './verb.ts'

const KEYS_PATH = '/.well-known/claviger-receipt-keys.json'

const receiptProblem = problemsOf({
  receipt_refused: { status: 403, title: 'The receipt does not say that' },
  receipt_keys_invalid: {
    status: 422,
    title: 'These are no receipt keys',
    hint: `Give a file with the JSON of the gateway's ${KEYS_PATH}, or the address of it.`,
  },
})

const show: Verb = {
  signature: 'show <approval>',
  summary: 'the signed receipt of an answered approval, to keep or to hand on',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'GET', path: `${pathOf('approvals', id)}/receipt` })
    return { json, text: (json as { receipt: string }).receipt }
  },
}

const about = [
  { flags: '--digest <hex>', about: 'refuse it unless it is about this action' },
  { flags: '--payload-hash <hex>', about: 'refuse it unless it is about a stated action with this hash' },
  { flags: '--agent <name>', about: 'refuse it unless this agent asked' },
]

const verify: Verb = {
  signature: 'verify <file>',
  summary: 'whether a receipt is genuine and what it says; needs no gateway where the keys are in a file',
  options: [
    { flags: '--keys <file-or-url>', about: `the gateway's ${KEYS_PATH}, as a file or where it answers` },
    ...about,
    {
      flags: '--consume',
      about: 'ask the gateway (CLAVIGER_URL), and take the use: do it if this ends with 0, and only then',
    },
  ],
  examples: [
    'claviger receipt verify yes.jws --keys receipt-keys.json',
    'claviger receipt verify yes.jws --payload-hash "$HASH" --consume && make deploy',
  ],
  async run(invocation) {
    const { args, options } = invocation
    if (options.consume === true) return consumed(invocation)
    const text = readGivenFile(args[0] ?? '').trim()
    const keys = keysIn(await keySet(invocation))
    const read = readReceipt(text, (kid) => keys.get(kid))
    if ('error' in read) throw receiptProblem('receipt_refused', { detail: why[read.error] })
    const { claims } = read
    const fault = faultOf(claims, { digest: options.digest, payloadHash: options.payloadHash, agent: options.agent })
    if (fault === 'wrong_action' || fault === 'wrong_agent')
      throw receiptProblem('receipt_refused', { detail: why[fault] })
    return { json: { genuine: true, claims }, text: said(claims) }
  },
}

/** By anybody; of a stated action alone. */
async function consumed({ args, options, agentUrl }: Invocation) {
  if (options.digest === undefined && options.payloadHash === undefined) {
    throw cliProblem('usage', { detail: '--consume: what is about to be done? Say it by --payload-hash or --digest.' })
  }
  if (options.keys !== undefined)
    throw cliProblem('usage', { detail: '--consume asks the gateway, which has its keys.' })
  const client = agentClient(agentUrl(), undefined)
  try {
    const body = { ...askedOf(args, options), consume: true }
    return verdictOf((await client.ask({ method: 'POST', path: '/receipts/verify', body })) as ReceiptVerdict)
  } finally {
    await client.close()
  }
}

function askedOf(args: Invocation['args'], { digest, payloadHash, agent }: Options) {
  const asked = { ...(digest && { digest }), ...(payloadHash && { payloadHash }), ...(agent && { agent }) }
  return { receipt: readGivenFile(args[0] ?? '').trim(), ...asked }
}

function verdictOf(json: ReceiptVerdict) {
  if (json.valid && json.claims !== undefined) return { json, text: said(json.claims) }
  throw receiptProblem('receipt_refused', { detail: `It is not good for that (${json.error}).` })
}

const use: Verb = {
  signature: 'use <file>',
  summary: 'take one use of the yes that a receipt proves, so that nobody else can',
  options: about,
  async run({ args, options, operator }) {
    const asked = { method: 'POST', path: '/receipts/use', body: askedOf(args, options) } as const
    return verdictOf((await operator().ask(asked)) as ReceiptVerdict)
  },
}

const why = {
  malformed: 'It is no receipt (malformed).',
  bad_signature: 'None of these keys signed it (bad_signature).',
  key_compromised: 'Whoever had the key by then may have made it (key_compromised).',
  wrong_action: 'It is about another action (wrong_action).',
  wrong_agent: 'Another agent asked (wrong_agent).',
} as const

function said(claims: ReceiptClaims): string {
  const time = (seconds: number) => new Date(seconds * 1_000).toISOString()
  return facts({
    genuine: 'yes',
    verdict: claims.verdict,
    by: claims.approvers.map(({ name, assurance, channel }) => `${name} (${assurance}, ${channel})`).join(', '),
    at: time(claims.iat),
    ...(claims.exp !== undefined && { goodUntil: time(claims.exp) }),
    ...(claims.uses !== undefined && { uses: claims.uses }),
    agent: claims.agent.name,
    ...(claims.action !== undefined && { action: claims.action }),
    kind: claims.kind,
    digest: claims.digest,
    approval: claims.approval,
    issuer: claims.iss,
  })
}

/** What a file holds, what an address answers, or what the gateway here answers. */
async function keySet({ options, agentUrl }: Invocation): Promise<unknown> {
  const given = options.keys as string | undefined
  if (given !== undefined && !/^https?:\/\//.test(given)) {
    try {
      return JSON.parse(readGivenFile(given))
    } catch (cause) {
      if (cause instanceof SyntaxError) throw receiptProblem('receipt_keys_invalid', { cause })
      throw cause
    }
  }
  const url = new URL(given ?? agentUrl())
  const client = agentClient(url.origin, undefined)
  try {
    const answer = await client.send({ method: 'GET', path: url.pathname === '/' ? KEYS_PATH : url.pathname })
    return await answer.body.json().catch(() => undefined)
  } finally {
    await client.close()
  }
}

function keysIn(set: unknown): ReadonlyMap<string, ReceiptKey> {
  const { keys } = (set ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw receiptProblem('receipt_keys_invalid')
  return keysOfSet({ keys })
}

const keyColumns = ['kid', 'status', 'createdAt', 'retiredAt', 'compromisedSince']
const keysShown = (json: { items: readonly Record<string, unknown>[] }) => ({
  json,
  text: table(json.items, keyColumns, 'no receipt keys yet'),
})

const keyList: Verb = {
  signature: 'list',
  summary: 'the keys that receipts are signed with, past ones too',
  async run({ operator }) {
    return keysShown(await operator().ask({ method: 'GET', path: '/receipt-keys' }))
  },
}

const keyRotate: Verb = {
  signature: 'rotate',
  summary: 'sign receipts with a new key from now on; those of the old one stay good',
  async run({ operator }) {
    return keysShown(await operator().ask({ method: 'POST', path: '/receipt-keys/rotate' }))
  },
}

const keyCompromised: Verb = {
  signature: 'compromised <kid>',
  summary:
    'say that a key was no longer the gateway’s alone: no receipt that it signed since counts, and it signs no more',
  options: [
    {
      flags: '--since <time>',
      about: 'from when on, e.g. 2026-11-20T08:00:00Z; without it nothing it ever signed counts',
    },
  ],
  async run({ args: [kid], options: { since }, operator }) {
    const body = since === undefined ? {} : { since }
    return keysShown(await operator().ask({ method: 'POST', path: `${pathOf('receipt-keys', kid)}/compromised`, body }))
  },
}

/** `claviger receipt show | verify | use | key list | key rotate | key compromised`. */
export function receiptCommands(program: Command, session: Session): void {
  const receipt = program.command('receipt').description('signed proofs of what humans answered')
  addVerb(receipt, session, show)
  addVerb(receipt, session, verify)
  addVerb(receipt, session, use)
  const key = receipt.command('key').description('what receipts are signed with')
  addVerb(key, session, keyList)
  addVerb(key, session, keyRotate)
  addVerb(key, session, keyCompromised)
}
