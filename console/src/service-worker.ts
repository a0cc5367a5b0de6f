// The service worker takes pushes. Trusted Types want the address of a worker to come from a policy, and ours knows one.
import { go } from './router.ts'

const WORKER = '/sw.js'

interface Policy {
  createScriptURL(url: string): string
}

const trustedTypes = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } })
  .trustedTypes

const rules: Policy = {
  createScriptURL: (url) => {
    if (url !== WORKER) throw new TypeError('that is no script of these pages')
    return url
  },
}
const policy = trustedTypes?.createPolicy('claviger', rules) ?? rules

export async function startWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ open?: unknown }>) => {
    if (typeof data.open === 'string' && /^\/(?:approvals\/apr_\w+)?$/.test(data.open)) go(data.open)
  })
  await navigator.serviceWorker.register(policy.createScriptURL(WORKER))
}
