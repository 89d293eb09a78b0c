// Reads a file as Java's own classes do, and prints lines of base64: a name, a blank, a value.

import java.io.FileInputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.Collections;
import java.util.Properties;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class Read {
    static void say(String name, byte[] value) {
        Base64.Encoder base64 = Base64.getEncoder();
        System.out.println(base64.encodeToString(name.getBytes(StandardCharsets.UTF_8)) + " " + base64.encodeToString(value));
    }

    static void say(String name, String value) {
        say(name, value.getBytes(StandardCharsets.UTF_8));
    }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "properties" -> {
                Properties all = new Properties();
                try (FileInputStream file = new FileInputStream(args[1])) {
                    all.load(file);
                }
                all.forEach((name, value) -> say((String) name, (String) value));
            }
            case "xml" -> {
                StringBuilder uses = new StringBuilder();
                for (String name : args[2].split(",")) {
                    uses.append("<v name='" + name + "' value='&" + name + ";'>&" + name + ";</v>");
                }
                String document = "<!DOCTYPE r [ <!ENTITY % s SYSTEM 'file://" + args[1] + "'> %s; ]><r>" + uses + "</r>";
                NodeList all = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                    .parse(new InputSource(new StringReader(document))).getElementsByTagName("v");
                for (int at = 0; at < all.getLength(); at++) {
                    Element one = (Element) all.item(at);
                    say(one.getAttribute("name") + " attribute", one.getAttribute("value"));
                    say(one.getAttribute("name") + " content", one.getTextContent());
                }
            }
            case "pkcs12" -> {
                char[] password = args[2].toCharArray();
                KeyStore store = KeyStore.getInstance("PKCS12");
                try (FileInputStream file = new FileInputStream(args[1])) {
                    store.load(file, password);
                }
                for (String alias : Collections.list(store.aliases())) {
                    Key key = store.getKey(alias, password);
                    say(alias + " key", key.getEncoded());
                    int at = 0;
                    for (Certificate one : store.getCertificateChain(alias)) {
                        say(alias + " certificate " + at++, one.getEncoded());
                    }
                }
            }
            default -> throw new IllegalArgumentException(args[0]);
        }
    }
}
