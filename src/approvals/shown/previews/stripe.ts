/** Stripe's API v1: money in words, customers, refunds and payouts. Forms with brackets (`metadata[order]`). */
import type { FormPair } from '../body/read-form.ts'
import { factsOf, namedFact } from '../fact.ts'
import type { Fact, Preview } from '../shown.ts'
import { visible, visibleLine } from '../visible.ts'
import type { PreviewRequest } from './request.ts'

/** Currencies without a smaller unit, and those with a thousand of them (Stripe: "Supported currencies"). */
const NO_MINOR = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '))
const THREE_DIGITS = new Set('bhd jod kwd omr tnd'.split(' '))

const MONEY =
  /^(?:amount|amount_to_capture|unit_amount|application_fee_amount|amount_off|price_data\[unit_amount\])$|\[(?:amount|unit_amount)\]$/

const things: readonly (readonly [path: RegExp, title: (id: string) => string])[] = [
  [/^\/v1\/charges$/, () => 'Charge'],
  [/^\/v1\/charges\/([^/]+)\/capture$/, (id) => `Capture the charge ${id}`],
  [/^\/v1\/payment_intents$/, () => 'Take a payment'],
  [/^\/v1\/payment_intents\/([^/]+)\/confirm$/, (id) => `Confirm the payment ${id}`],
  [/^\/v1\/payment_intents\/([^/]+)\/capture$/, (id) => `Capture the payment ${id}`],
  [/^\/v1\/payment_intents\/([^/]+)\/cancel$/, (id) => `Cancel the payment ${id}`],
  [/^\/v1\/payment_intents\/([^/]+)$/, (id) => `Change the payment ${id}`],
  [/^\/v1\/refunds$/, () => 'Refund'],
  [/^\/v1\/payouts$/, () => 'Pay out to the bank'],
  [/^\/v1\/transfers$/, () => 'Transfer to a connected account'],
  [/^\/v1\/customers$/, () => 'Create a customer'],
  [/^\/v1\/customers\/([^/]+)$/, (id) => `Change the customer ${id}`],
  [/^\/v1\/subscriptions$/, () => 'Begin a subscription'],
  [/^\/v1\/subscriptions\/([^/]+)$/, (id) => `Change the subscription ${id}`],
  [/^\/v1\/invoices$/, () => 'Create an invoice'],
  [/^\/v1\/invoices\/([^/]+)\/pay$/, (id) => `Pay the invoice ${id}`],
  [/^\/v1\/invoiceitems$/, () => 'Add to an invoice'],
  [/^\/v1\/prices$/, () => 'Create a price'],
  [/^\/v1\/coupons$/, () => 'Create a coupon'],
  [/^\/v1\/checkout\/sessions$/, () => 'Open a checkout'],
]

export function previewStripe(request: PreviewRequest): Preview | undefined {
  const { method, service } = request.action
  if (request.host !== 'api.stripe.com' && service.name !== 'stripe') return undefined
  const title = method === 'DELETE' ? deletion(request.path) : method === 'POST' ? titleOf(request.path) : undefined
  const content = request.body?.content
  if (title === undefined || (content !== undefined && content.kind !== 'form')) return undefined
  const pairs = content?.kind === 'form' ? content.pairs : []
  if (hasTwice(pairs)) return undefined
  const currency = pairs.find(({ name }) => name === 'currency')?.value.toLowerCase()
  const amount = pairs.find(({ name }) => name === 'amount')?.value
  const refundsAll = request.path === '/v1/refunds' && amount === undefined
  const more = pairs.length - MAX_PAIRS
  return {
    of: 'stripe',
    title: `${title}${amount === undefined ? '' : ` ${money(amount, currency)}`}`,
    facts: factsOf(
      refundsAll && ({ name: 'amount', value: 'all that is left of the payment', kind: 'plain' } as const),
      pairs.slice(0, MAX_PAIRS).map((pair) => factOf(pair, pairs, currency)),
      more > 0 && ({ name: '…', value: `${more} more fields: see the body`, kind: 'plain' } as const),
    ),
    texts: [],
  }
}

const MAX_PAIRS = 200

function hasTwice(pairs: readonly FormPair[]): boolean {
  const names = pairs.map(({ name }) => name).filter((name) => !name.endsWith('[]'))
  return new Set(names).size < names.length
}

function titleOf(path: string): string | undefined {
  for (const [pattern, title] of things) {
    const found = pattern.exec(path)
    if (found !== null) return title(visibleLine(found[1] ?? '', 100))
  }
  return undefined
}

function deletion(path: string): string | undefined {
  const [, what, id] = /^\/v1\/([a-z_]+)\/([^/]+)$/.exec(path) ?? []
  return what === undefined || id === undefined ? undefined : `Delete or cancel in ${what}: ${visibleLine(id, 100)}`
}

/** Ids of Stripe (`cus_…`) look like credentials and are none: what names them is left readable in messengers. */
const IDS =
  /^(?:acct|ba|card|ch|cs|cus|evt|fee|ii|il|in|lnk|pi|plan|pm|po|price|prod|promo|py|pyr|re|seti|si|src|sub|tr|txn)_[A-Za-z0-9]{6,64}$/

function factOf(pair: FormPair, pairs: readonly FormPair[], currency: string | undefined): Fact {
  const { name, value } = pair
  if (!MONEY.test(name)) {
    const made = namedFact(name, value)
    return IDS.test(value) ? { ...made, kind: 'plain' } : made
  }
  const beside = name.replace(/(unit_amount|amount)(\]?)$/, 'currency$2')
  const own = pairs.find((one) => one.name === beside)?.value.toLowerCase()
  return {
    name: visible(name),
    value: `${money(value, own ?? currency)} (${visibleLine(value, 40)} as sent)`,
    kind: 'plain',
  }
}

/** `1234` of `eur` as `12.34 EUR`. */
export function money(amount: string, currency: string | undefined): string {
  if (!/^-?[0-9]{1,20}$/.test(amount)) return `an amount that is no number, ${visibleLine(amount, 40)}`
  if (currency === undefined) return `${amount} of the smallest unit of its currency`
  if (!/^[a-z]{3}$/.test(currency)) return `${amount} of the unknown currency ${visibleLine(currency, 20)}`
  const digits = NO_MINOR.has(currency) ? 0 : THREE_DIGITS.has(currency) ? 3 : 2
  const [sign, number] = amount.startsWith('-') ? ['-', amount.slice(1)] : ['', amount]
  const padded = number.replace(/^0+(?=[0-9])/, '').padStart(digits + 1, '0')
  const whole = padded.slice(0, padded.length - digits).replace(/\B(?=(?:[0-9]{3})+$)/g, ',')
  const part = digits === 0 ? '' : `.${padded.slice(-digits)}`
  return `${sign}${whole}${part} ${currency.toUpperCase()}`
}
