// `claviger connect`: a human says yes at the provider, in a browser on this machine or, by the device flow, anywhere.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import type { GatewayClient } from './client.ts'
import { cliProblem } from './problems.ts'
import { facts, named } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { safeText, say, type Terminal } from './terminal.ts'
import { addVerb, type Invocation, type Options, type Session, secretOptions, type Verb } from './verb.ts'

const WAIT_MS = 600_000

const connect: Verb = {
  signature: 'connect <service>',
  summary: 'connect an account at its provider: prints where to say yes, waits, and seals what the provider gives',
  options: [
    { flags: '--handle <handle>', about: 'of the credential; the name of the service if left out' },
    { flags: '--client-id <id>', about: 'what your application is called at the provider', required: true },
    ...secretOptions.map(({ flags, about }) => ({ flags, about: about.replace('the secret', "the client's secret") })),
    { flags: '--scope <scope>', about: 'a scope to ask for; may be repeated', many: true },
    { flags: '--port <port>', about: 'of this machine, where the provider has a fixed one on its list' },
    { flags: '--device', about: 'by the device flow: say yes on any device, with a code' },
  ],
  examples: [
    'claviger connect github --client-id Iv23abc --device',
    'claviger connect google --handle calendar --client-id ID --secret-file ~/client-secret --scope https://www.googleapis.com/auth/calendar',
  ],
  async run(invocation) {
    const { options, operator } = invocation
    const client = operator()
    const body = await asked(invocation)
    const json =
      options.device === true ? await byDevice(client, body, invocation) : await byCode(client, body, invocation)
    return { json, text: facts(named(json)) }
  },
}

/** `claviger connect`. */
export function connectCommand(program: Command, session: Session): void {
  addVerb(program, session, connect)
}

async function asked({ args: [service], options, terminal }: Invocation): Promise<Record<string, unknown>> {
  const given = [options.secretEnv, options.secretFile, options.secretStdin].some((source) => source !== undefined)
  return {
    service,
    handle: options.handle ?? service,
    clientId: options.clientId,
    // A public client has none, so it is never asked for.
    ...(given && { clientSecret: textOf(await readSecret(options, terminal, 'Client secret')) }),
    ...(options.scope !== undefined && { scopes: options.scope }),
  }
}

async function byCode(client: GatewayClient, body: object, { options, terminal }: Invocation) {
  const waiting = await listen(portOf(options))
  try {
    const redirectUri = `http://127.0.0.1:${waiting.port}/callback`
    const begun = await client.ask({ method: 'POST', path: '/connect', body: { ...body, flow: 'code', redirectUri } })
    tell(terminal, ['Say yes here, in a browser on this machine:', '', `  ${begun.authorizationUrl}`, ''])
    const answer = await waiting.answer(new URL(begun.authorizationUrl).searchParams.get('state') ?? '')
    return await client.ask({ method: 'POST', path: `/connect/${begun.id}/finish`, body: { answer } })
  } finally {
    waiting.close()
  }
}

async function byDevice(client: GatewayClient, body: object, { terminal }: Invocation) {
  const begun = await client.ask({ method: 'POST', path: '/connect', body: { ...body, flow: 'device' } })
  tell(terminal, [
    'Say yes here, on any device:',
    '',
    `  ${begun.verificationUri}`,
    `  with the code ${begun.userCode}`,
    '',
  ])
  let waitSeconds: number = begun.intervalSeconds
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, waitSeconds * 1_000))
    const polled = await client.ask({ method: 'POST', path: `/connect/${begun.id}/poll` })
    if (polled.status === 'connected') return polled.credential
    waitSeconds = polled.retryAfterSeconds
  }
}

/** On stderr: what the command answers goes to stdout. The lines hold what a provider wrote. */
function tell(terminal: Terminal, lines: readonly string[]): void {
  say(terminal, lines.map((line) => safeText(line)).join('\n'))
}

function portOf({ port }: Options): number {
  if (port === undefined) return 0
  if (/^[1-9][0-9]{0,4}$/.test(port) && Number(port) < 65_536) return Number(port)
  throw cliProblem('usage', { detail: '--port takes a number from 1 to 65535.' })
}

interface Waiting {
  readonly port: number
  /** The query of the first request that shows this state. Rejects after ten minutes. */
  answer(state: string): Promise<string>
  close(): void
}

/** RFC 8252 §7.3. Who does not show the state is a stranger: anybody on this machine can call the port. */
async function listen(port: number): Promise<Waiting> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    const unable = (cause: Error) => reject(cliProblem('usage', { detail: `Port ${port} cannot be had.`, cause }))
    server.once('error', unable).listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    answer: (state) => answerOf(server, state),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answerOf(server: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(cliProblem('connect_timeout')), WAIT_MS)
    server.on('request', (request, response) => {
      const [path, query = ''] = (request.url ?? '').split('?')
      const fits = request.method === 'GET' && path === '/callback' && new URLSearchParams(query).get('state') === state
      response.writeHead(fits ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' })
      response.end(fits ? 'You can close this page and go back to the command line.\n' : 'Nothing is here.\n', () => {
        if (!fits) return
        clearTimeout(timer)
        resolve(query)
      })
    })
  })
}
