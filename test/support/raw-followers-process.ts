import { SlowHubbleClient } from './slow-hubble-client.ts'

/** Followers that read all and decode nothing, for figures of the server alone. Arguments: the server, and how many. */
const [server = '', count = '1'] = process.argv.slice(2)
for (let i = 0; i < Number(count); i++) new SlowHubbleClient(server, { follow: true }).readEncoded(() => {})
process.on('disconnect', () => process.exit())
