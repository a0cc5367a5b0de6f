import { type Gateway, startGateway } from './claviger.ts'
import { measure } from './measure.ts'
import { startUpstream } from './nginx.ts'
import { startPortkey } from './portkey.ts'
import { postScript } from './post-script.ts'
import { type Plan, type Ratio, ratioOf, rounds } from './rounds.ts'
import { CREDENTIAL, type Subject } from './subject.ts'

const CONNECTIONS = 32

const ANSWER = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'gpt-bench',
  choices: [{ index: 0, message: { role: 'assistant', content: 'It is four.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 },
})
const QUESTION = JSON.stringify({
  model: 'gpt-bench',
  messages: [
    { role: 'system', content: 'Answer in one sentence.' },
    { role: 'user', content: 'What is two and two?' },
  ],
})

export interface Chat {
  /** The gateway to Portkey's, in the same rounds. */
  readonly portkey?: Ratio
  /** Why there is none. */
  readonly without?: string
}

/** Chat completions at 32 connections, to the Portkey gateway, which is given the key by its client. */
export async function chat(ports: { upstream: number; gateway: number; portkey: number }, plan: Plan): Promise<Chat> {
  const started: Subject[] = []
  try {
    started.push(await startUpstream(ports.upstream, { body: ANSWER }))
    const portkey = await startPortkey(ports.portkey, ports.upstream)
    if (typeof portkey === 'string') return { without: portkey }
    started.push(portkey)
    const gateway = await startGateway({
      name: 'claviger',
      port: ports.gateway,
      upstreamPort: ports.upstream,
      agents: 1,
    })
    started.push(gateway)
    const script = postScript(gateway, 'chat', [QUESTION])
    const subjects = [
      { ...portkey, script },
      { ...(await asked(gateway, ports.upstream)), script },
    ]
    for (const subject of subjects) await measure(subject, CONNECTIONS, plan.seconds)
    const kept = await rounds(subjects, CONNECTIONS, plan)
    const failed = kept.flatMap((round) => Object.entries(round)).find(([, sample]) => sample.failed > 0)
    if (failed !== undefined) throw new Error(`bench: ${failed[0]}: ${failed[1].failed} calls failed`)
    return { portkey: ratioOf(kept, 'claviger', 'portkey') }
  } finally {
    for (const subject of started.reverse()) await subject.stop()
  }
}

/** The LLM gateway with a vendor at the upstream: what a call takes is read and kept. */
async function asked(gateway: Gateway, upstreamPort: number): Promise<Subject> {
  const { operator } = gateway
  await operator('POST', '/services', {
    name: 'openai',
    origins: [`http://127.0.0.1:${upstreamPort}`],
    injection: { kind: 'bearer' },
    addresses: ['127.0.0.0/8'],
  })
  await operator('POST', '/credentials', { handle: 'chat-key', service: 'openai', secret: CREDENTIAL })
  await operator('POST', '/agents', { name: 'chats' })
  await operator('POST', '/grants', { agent: 'chats', service: 'openai', scopes: ['openai:*'] })
  const { token } = await operator('POST', '/tokens', { agent: 'chats' })
  const { origin } = new URL(gateway.url)
  return { ...gateway, url: `${origin}/v1/openai/chat/completions`, headers: [`Authorization: Bearer ${token}`] }
}
