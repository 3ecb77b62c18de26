// The same declarations, met by `require`.
import ws13 = require('ws13-native');
import { WS } from 'ws13-native';

ws13.WS satisfies typeof WS;
WS.info({ write() {}, end() {} })?.protocol satisfies string | undefined;
// @ts-expect-error: no other name is exported
ws13.upgrade;
// @ts-expect-error: the module is no function
ws13();

import manifest = require('ws13-native/package.json');
manifest.version satisfies string;
// @ts-expect-error: what is inside of the package stays there
import('ws13-native/lib/ws.js');
