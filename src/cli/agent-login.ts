// What an agent does itself from a shell: makes its key, registers it, signs in, changes it. The private key stays in its file.
import { existsSync, renameSync } from 'node:fs'
import type { Command } from 'commander'
import type { Signer } from '../../sdk/src/signer.ts'
import { agentOption, agentWith, bySdk, gatewayOf, issuerOption, keyFileOf, keyOption } from './by-sdk.ts'
import { replaceFile } from './new-file.ts'
import { facts } from './render.ts'
import { say } from './terminal.ts'
import { attestationIn } from './text-file.ts'
import { invite, operatorToken } from './tokens.ts'
import { seconds } from './values.ts'
import { addVerb, type Invocation, type Session, type Verb } from './verb.ts'

const DAY = '24h'

const keygen: Verb = {
  signature: 'keygen <file>',
  summary:
    'make a P-256 key pair: the private key in a new file (mode 0600), the public one beside it; needs no gateway',
  examples: ['claviger agent keygen coder.pem       # and coder.pem.pub'],
  async run({ args: [file = ''] }) {
    const { generateKeyFiles } = await import('../../sdk/src/node/key-file.ts')
    const { publicKey: _, ...json } = await bySdk(() => generateKeyFiles(file))
    return { json, text: facts(json) }
  },
}

const proof: Verb = {
  signature: 'proof <file>',
  summary: 'print the proof that this private key is held: good for a minute, for `claviger agent key add`',
  options: [issuerOption],
  async run(invocation) {
    const [file = ''] = invocation.args
    const { registrationProof } = await import('../../sdk/src/agent/proofs.ts')
    const { findIssuer } = await import('../../sdk/src/agent/issuer.ts')
    const { Wire } = await import('../../sdk/src/wire.ts')
    const { baseUrl, issuer: known } = gatewayOf(invocation)
    const json = await bySdk(async () => {
      const issuer = await findIssuer(new Wire({ baseUrl }), known)
      return registrationProof(await signerOf(file), { issuer, nowSeconds: Math.floor(Date.now() / 1_000) })
    }, invocation.agentUrl())
    return { json, text: json.proof }
  },
}

const register: Verb = {
  signature: 'register <name>',
  summary: 'register an agent by its key: with an invite (CLAVIGER_INVITE), as operator, or to wait for approval',
  options: [
    keyOption,
    { flags: '--attestation <file>', about: 'what hardware says of the key, JSON; kept and shown' },
    issuerOption,
  ],
  examples: ['CLAVIGER_INVITE_FILE=./invite claviger agent register coder --key coder.pem'],
  async run(invocation) {
    const { args, options, terminal } = invocation
    const { AgentClient } = await import('../../sdk/src/agent/agent-client.ts')
    const attestation = attestationIn(options.attestation)
    const json = await bySdk(async () => {
      const signer = await signerOf(keyFileOf(invocation))
      const given = invite(terminal) ?? (operatorToken(terminal) && (await newInvite(invocation)))
      const behind = given === undefined ? {} : { invite: given }
      return AgentClient.register({ ...gatewayOf(invocation), name: args[0] ?? '', signer, ...behind, ...attestation })
    }, invocation.agentUrl())
    if (json.status === 'pending') say(terminal, `it waits until an operator says: claviger agent approve ${args[0]}`)
    return { json, text: facts({ ...json }) }
  },
}

const login: Verb = {
  signature: 'login',
  summary: 'sign in with an agent’s key; the access token is printed alone on stdout',
  options: [
    agentOption,
    keyOption,
    { flags: '--audience <id>', about: 'the service that the token is for; the gateway itself if not said' },
    { flags: '--scope <scopes>', about: 'less than the agent was granted' },
    { flags: '--out <file>', about: 'write it to this file (mode 0600), in the place of the one before' },
    issuerOption,
  ],
  examples: ['export CLAVIGER_TOKEN=$(claviger login --agent agent_… --key coder.pem)'],
  async run(invocation) {
    const { options, terminal } = invocation
    const more = {
      ...(options.audience !== undefined && { audience: options.audience }),
      ...(options.scope !== undefined && { scope: options.scope }),
    }
    const { agentId, tokens } = await bySdk(async () => {
      const agent = await agentWith(invocation, await signerOf(keyFileOf(invocation)), more)
      return { agentId: agent.agentId, tokens: await agent.authenticate() }
    }, invocation.agentUrl())
    const { accessToken, refreshToken, tokenType, expiresAt, keyRefusedAt } = tokens
    say(terminal, `${agentId} is signed in until ${new Date(expiresAt).toISOString()}`)
    if (keyRefusedAt !== undefined)
      say(terminal, `its key is refused from ${new Date(keyRefusedAt).toISOString()} on: claviger agent key rotate`)
    if (options.out === undefined)
      return { json: { agentId, accessToken, refreshToken, tokenType, expiresAt }, text: accessToken }
    replaceFile(options.out, `${accessToken}\n`)
    return { json: { agentId, tokenType, expiresAt, file: options.out }, text: options.out }
  },
}

const whoami: Verb = {
  signature: 'whoami',
  summary: 'which agent the token at hand (CLAVIGER_TOKEN) is for, and how long',
  async run({ agent }) {
    const json = await agent().ask({ method: 'GET', path: '/auth/self' })
    return { json, text: facts({ ...json, expiresAt: new Date(json.expiresAt).toISOString() }) }
  },
}

const rotate: Verb = {
  signature: 'rotate',
  summary: 'put a new key in the place of an agent’s: registered by the old one, tried, its file exchanged',
  options: [
    agentOption,
    keyOption,
    {
      flags: '--overlap <time>',
      about: `how long older keys of the agent still sign in: 30d at most, ${DAY} if not said`,
    },
    issuerOption,
  ],
  examples: ['claviger agent key rotate --agent agent_… --key coder.pem --overlap 1h'],
  async run(invocation) {
    const file = keyFileOf(invocation)
    const overlap = seconds(invocation.options.overlap ?? DAY, '--overlap', { most: '30d' })
    const thumbprint = await bySdk(async () => {
      const next = await nextKey(invocation, file, overlap)
      renameSync(`${file}.new`, file)
      renameSync(`${file}.new.pub`, `${file}.pub`)
      return next
    }, invocation.agentUrl())
    say(invocation.terminal, `programs that have read the old key must read ${file} again within ${overlap} s`)
    const json = { file, thumbprint, overlapSeconds: overlap }
    return { json, text: facts(json) }
  },
}

/** Makes the key that stands beside the old one as `<file>.new`, or goes on with the one that an attempt before left there. */
async function nextKey(invocation: Invocation, file: string, retireOthersAfterSeconds: number): Promise<string> {
  const { generateKeyFiles } = await import('../../sdk/src/node/key-file.ts')
  const { readPublicKey } = await import('../../sdk/src/public-key.ts')
  const agent = await agentWith(invocation, await signerOf(file))
  const isLeft = existsSync(`${file}.new`)
  if (!isLeft) await generateKeyFiles(`${file}.new`)
  const next = await signerOf(`${file}.new`)
  const { thumbprint } = await readPublicKey(next.publicKey)
  const isRegistered = await agent.keys().then(
    (keys) => keys.some((key) => key.thumbprint === thumbprint && key.status === 'active'),
    (error: unknown) => {
      // The attempt before may have come so far that the old key is gone.
      if (isLeft) return true
      throw error
    },
  )
  if (!isRegistered) await agent.addKey(next, { retireOthersAfterSeconds })
  const asNext = await agentWith(invocation, next)
  await asNext.authenticate()
  await Promise.all([agent.logout(), asNext.logout()])
  return thumbprint
}

async function signerOf(file: string): Promise<Signer> {
  const { fileSigner } = await import('../../sdk/src/node/key-file.ts')
  return fileSigner(file)
}

/** An operator at the keyboard stands behind the agent as an invite would. */
async function newInvite({ operator }: Invocation): Promise<string> {
  return (await operator().ask({ method: 'POST', path: '/agents/invite', body: {} })).invite
}

/** `claviger login | whoami`. */
export function loginCommands(program: Command, session: Session): void {
  for (const verb of [login, whoami]) addVerb(program, session, verb)
}

/** `claviger agent keygen | proof | register | login | whoami`, and `claviger agent key rotate`. */
export function agentSelfCommands(agent: Command, key: Command, session: Session): void {
  for (const verb of [keygen, proof, register, login, whoami]) addVerb(agent, session, verb)
  addVerb(key, session, rotate)
}
