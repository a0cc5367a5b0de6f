import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
]

/** Why tests with a browser are skipped; false where they are not. */
export const noChromium = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`

export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...flags, ...more] })
}

export interface PageWithPasskeys {
  readonly page: Page
  /** Of the page's debugger. The authenticator goes when any session of it is detached. */
  readonly session: CDPSession
  readonly authenticator: string
}

/** A page with an authenticator of its own, which is there and unlocks itself: passkeys made in it are in no other. */
export async function pageWithPasskeys(context: BrowserContext): Promise<PageWithPasskeys> {
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  return { page, session, authenticator: await addAuthenticator(session) }
}

export async function addAuthenticator(session: CDPSession): Promise<string> {
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return authenticatorId
}

/** Names of the rules of accessibility (WCAG 2.2 A and AA, best practice) that the page breaks. */
export async function brokenRules(session: CDPSession): Promise<readonly string[]> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // By the debugger, which the policy of the page does not bind.
  await session.send('Runtime.evaluate', { expression: axe })
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))`,
    awaitPromise: true,
    returnByValue: true,
  })
  if (!Array.isArray(result.value)) throw new Error(JSON.stringify(result))
  return result.value as string[]
}

/** What must not happen in a page: dialogs, refused or thrown scripts, errors. */
export function watched(page: Page): { readonly dialogs: string[]; readonly errors: string[] } {
  const [dialogs, errors]: [string[], string[]] = [[], []]
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/i.test(message.text())) errors.push(message.text())
  })
  return { dialogs, errors }
}
