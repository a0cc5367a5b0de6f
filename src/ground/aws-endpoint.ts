/** What the host of an AWS endpoint says: the region, and the name that its service has in signatures (SigV4). */
export interface AwsEndpoint {
  readonly region: string
  readonly service: string
}

const SUFFIX = /\.(?:amazonaws\.com(?:\.cn)?|api\.aws|on\.aws)$/
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/
const OLD_S3 = /^s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)$/

/** Endpoints without a region are signed for this one. */
const HOME = 'us-east-1'
const GLOBAL: ReadonlySet<string> = new Set(
  'budgets ce cloudfront health iam organizations route53 s3 savingsplans sdb sts waf'.split(' '),
)

/** Where signatures have another name than the host: its last label before or behind the region, or the last two. */
const SIGNED_AS: ReadonlyMap<string, string> = named({
  appconfig: 'appconfigdata',
  appstream: 'appstream2',
  'aws-marketplace':
    'agreement-marketplace catalog.marketplace deployment-marketplace discovery-marketplace entitlement.marketplace metering.marketplace reporting-marketplace',
  awsssoportal: 'portal.sso',
  bedrock:
    'bedrock-agent bedrock-agent-runtime bedrock-data-automation bedrock-data-automation-runtime bedrock-runtime',
  'bedrock-agentcore': 'bedrock-agentcore-control',
  cassandra: 'cassandra-streams',
  chime: 'identity-chime media-pipelines-chime meetings-chime messaging-chime voice-chime',
  cloudhsm: 'cloudhsmv2',
  cloudsearch: 'cloudsearchdomain',
  connect: 'contact-lens',
  'execute-api': 'participant.connect',
  forecast: 'forecastquery',
  'iot-jobs-data': 'jobs.iot',
  iotdata: 'data-ats.iot data.iot',
  ioteventsdata: 'data.iotevents',
  IoTSecuredTunneling: 'tunneling.iot',
  ivs: 'ivsrealtime',
  lambda: 'lambda-url',
  lex: 'models-v2-lex runtime-v2-lex',
  memorydb: 'memory-db',
  mgh: 'migrationhub-config',
  mobiletargeting: 'pinpoint',
  personalize: 'personalize-events personalize-runtime',
  s3: 's3-control',
  servicecatalog: 'servicecatalog-appregistry',
  ses: 'email mail-manager',
  signer: 'data-signer',
  'sms-voice': 'sms-voice.pinpoint',
  'sso-oauth': 'oidc',
})

/** Undefined for a host that says neither. `host` is in lower case, without a port. */
export function awsEndpoint(host: string): AwsEndpoint | undefined {
  if (!SUFFIX.test(host)) return undefined
  const labels = host.replace(SUFFIX, '').split('.')
  const old = OLD_S3.exec(labels.at(-1)!)
  if (old !== null) return { region: old[1]!, service: 's3' }
  const at = labels.findLastIndex((label) => REGION.test(label))
  if (at < 0) {
    const service = serviceOf(labels)
    return service !== undefined && GLOBAL.has(service) ? { region: HOME, service } : undefined
  }
  // bucket.s3.dualstack.us-east-1, and the other way round for some: domain.us-east-1.es
  const before = labels.slice(0, at).filter((label) => label !== 'dualstack')
  const service = serviceOf(at < labels.length - 1 ? labels.slice(-1) : before)
  return service === undefined ? undefined : { region: labels[at]!, service }
}

function serviceOf(labels: readonly string[]): string | undefined {
  const [last, ...others] = labels.map((label) => label.replace(/-fips$/, '')).reverse()
  if (last === undefined) return undefined
  return SIGNED_AS.get(`${others[0]}.${last}`) ?? SIGNED_AS.get(last) ?? last
}

function named(hostsOf: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(hostsOf).flatMap(([name, hosts]) => hosts.split(' ').map((host) => [host, name])))
}
