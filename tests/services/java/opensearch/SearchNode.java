import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.opensearch.Version;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/** One OpenSearch node in this JVM, its transport taken from the class path: SearchNode CONFIG setting=value ... */
public class SearchNode extends Node {
    private static final String TRANSPORT = "org.opensearch.transport.Netty4ModulePlugin";

    SearchNode(Environment environment) {
        super(environment, List.of(new PluginInfo(TRANSPORT, "class path plugin", "1", Version.CURRENT, "21",
            TRANSPORT, null, List.of(), false)), false);
    }

    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (String setting : List.of(args).subList(1, args.length)) {
            String[] pair = setting.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        Environment environment = new Environment(settings.build(), Path.of(args[0]));
        LogConfigurator.configure(environment);
        SearchNode node = new SearchNode(environment);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (java.io.IOException e) {
                e.printStackTrace();
            }
            stopped.countDown();
        }));
        node.start();
        stopped.await();
    }
}
